import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.function.Function;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.EmitStrategy;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.Joined;
import org.apache.kafka.streams.kstream.KGroupedStream;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.SessionWindows;
import org.apache.kafka.streams.kstream.SlidingWindows;
import org.apache.kafka.streams.kstream.StreamJoined;
import org.apache.kafka.streams.kstream.Suppressed;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.ValueJoiner;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.processor.StateStore;

/**
 * Runs the cases of a directory of JSON files through Kafka Streams' TopologyTestDriver and writes them, with what Kafka
 * made of them, to another directory. A case has
 *
 * <pre>
 *   name, topology, size, advance, grace   durations in milliseconds
 *   topics                                 1: both sides of a join are in one topic
 *   in                                     "TIME TOPIC KEY VALUE"; a dash is null
 *   kafka                                  what this program adds: by mode, "STEP RESULT"
 * </pre>
 *
 * where STEP is the number of the record that brought the result about, and RESULT is KEY@[START,END]=VALUES tTIME of a
 * window, KEY=LEFT+RIGHT tTIME of a join and KEY=VALUE tTIME of a table. An aggregate is a list of the elements, so that
 * their order shows.
 */
public final class TopologyGolden {
  private static final Serde<String> STRING = Serdes.String();
  private static final ObjectMapper JSON = new ObjectMapper();

  public static void main(String[] args) throws Exception {
    for (Path file : Files.list(Path.of(args[0])).sorted().toList()) {
      List<String> lines = new ArrayList<>();
      for (JsonNode node : JSON.readTree(file.toFile())) {
        lines.add(JSON.writeValueAsString(run((ObjectNode) node, args.length > 2 ? args[2] : "in_memory")));
      }
      Path out = Path.of(args[1]).resolve(file.getFileName());
      Files.writeString(out, "[\n" + String.join(",\n", lines) + "\n]\n");
      System.err.println(out.getFileName() + ": " + lines.size() + " cases");
    }
  }

  private static ObjectNode run(ObjectNode c, String store) {
    ObjectNode modes = JSON.createObjectNode();
    for (String mode : modesOf(c.get("topology").asText())) {
      modes.set(mode, results(c, mode, store));
    }
    c.set("kafka", modes);
    return c;
  }

  private static List<String> modesOf(String topology) {
    return switch (topology) {
      case "tumbling", "hopping", "sliding", "session" -> List.of("updates", "close", "suppress");
      default -> List.of("all");
    };
  }

  /** Pipes the records of a case, one second of the wall clock apart, so that no result waits for that clock. */
  private static ArrayNode results(ObjectNode c, String mode, String store) {
    List<String> seen = new ArrayList<>();
    StreamsBuilder builder = new StreamsBuilder();
    build(builder, c, mode, seen);
    Properties props = new Properties();
    props.put(StreamsConfig.APPLICATION_ID_CONFIG, "golden");
    props.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "none:9092");
    props.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
    props.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
    props.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
    if (store.equals("in_memory")) {
      props.put(
          StreamsConfig.DSL_STORE_SUPPLIERS_CLASS_CONFIG,
          "org.apache.kafka.streams.state.BuiltInDslStoreSuppliers$InMemoryDslStoreSuppliers");
    }
    ArrayNode out = JSON.createArrayNode();
    try (TopologyTestDriver driver = new TopologyTestDriver(builder.build(), props, Instant.EPOCH)) {
      int step = 0;
      for (JsonNode in : c.get("in")) {
        String[] f = in.asText().split(" ");
        TestInputTopic<String, String> topic = driver.createInputTopic(
            c.get("topics").asInt() == 1 ? "in" : f[1], new StringSerializer(), new StringSerializer());
        driver.advanceWallClockTime(Duration.ofSeconds(2));
        seen.clear();
        topic.pipeInput(orNull(f[2]), orNull(f[3]), Long.parseLong(f[0]));
        for (String s : seen) {
          out.add(step + " " + s);
        }
        step++;
      }
    }
    return out;
  }

  private static String orNull(String s) {
    return s.equals("-") ? null : s;
  }

  private static void build(StreamsBuilder builder, ObjectNode c, String mode, List<String> seen) {
    Duration size = Duration.ofMillis(c.get("size").asLong());
    Duration grace = Duration.ofMillis(c.get("grace").asLong());
    switch (c.get("topology").asText()) {
      case "tumbling", "hopping" -> {
        TimeWindows w = TimeWindows.ofSizeAndGrace(size, grace).advanceBy(Duration.ofMillis(c.get("advance").asLong()));
        windows(mode, seen, s -> grouped(builder, c).windowedBy(w).emitStrategy(s)
            .aggregate(() -> "", (k, v, a) -> joined(a, v), kept()));
      }
      case "sliding" -> {
        SlidingWindows w = SlidingWindows.ofTimeDifferenceAndGrace(size, grace);
        windows(mode, seen, s -> grouped(builder, c).windowedBy(w).emitStrategy(s)
            .aggregate(() -> "", (k, v, a) -> joined(a, v), kept()));
      }
      case "session" -> {
        SessionWindows w = SessionWindows.ofInactivityGapAndGrace(size, grace);
        windows(mode, seen, s -> grouped(builder, c).windowedBy(w).emitStrategy(s).aggregate(
            () -> "", (k, v, a) -> joined(a, v), (k, a, b) -> joined(a, b), kept()));
      }
      case "join", "leftJoin", "outerJoin" -> joins(builder, c, size, grace, seen);
      default -> tables(builder, c, seen);
    }
  }

  private static KStream<String, String> stream(StreamsBuilder builder, String topic) {
    return builder.stream(topic, Consumed.with(STRING, STRING));
  }

  private static KGroupedStream<String, String> grouped(StreamsBuilder builder, ObjectNode c) {
    KStream<String, String> in =
        c.get("topics").asInt() == 1 ? stream(builder, "in") : stream(builder, "l").merge(stream(builder, "r"));
    return in.groupByKey(Grouped.with(STRING, STRING));
  }

  /**
   * A store that keeps windows for longer than any case lasts. With Kafka's default, size and grace, a store in memory
   * drops windows before onWindowClose has emitted them when stream time leaps.
   */
  private static <S extends StateStore> Materialized<String, String, S> kept() {
    return Materialized.<String, String, S>with(STRING, STRING).withRetention(Duration.ofHours(1));
  }

  private static String joined(String a, String b) {
    return a.isEmpty() ? b : b.isEmpty() ? a : a + "," + b;
  }

  private static void windows(
      String mode, List<String> seen, Function<EmitStrategy, KTable<Windowed<String>, String>> aggregate) {
    KTable<Windowed<String>, String> table =
        aggregate.apply(mode.equals("close") ? EmitStrategy.onWindowClose() : EmitStrategy.onWindowUpdate());
    if (mode.equals("suppress")) {
      table = table.suppress(Suppressed.untilWindowCloses(Suppressed.BufferConfig.unbounded()));
    }
    table.toStream().process(() -> r -> seen.add(String.format("%s@[%d,%d]=%s t%d",
        r.key().key(), r.key().window().start(), r.key().window().end(), r.value(), r.timestamp())));
  }

  private static void joins(StreamsBuilder builder, ObjectNode c, Duration window, Duration grace, List<String> seen) {
    KStream<String, String> left;
    KStream<String, String> right;
    if (c.get("topics").asInt() == 1) {
      KStream<String, String> both = stream(builder, "in");
      left = both.filter((k, v) -> v.startsWith("l"));
      right = both.filter((k, v) -> v.startsWith("r"));
    } else {
      left = stream(builder, "l");
      right = stream(builder, "r");
    }
    ValueJoiner<String, String, String> pair = TopologyGolden::pair;
    JoinWindows w = JoinWindows.ofTimeDifferenceAndGrace(window, grace);
    StreamJoined<String, String, String> with = StreamJoined.with(STRING, STRING, STRING);
    KStream<String, String> out = switch (c.get("topology").asText()) {
      case "join" -> left.join(right, pair, w, with);
      case "leftJoin" -> left.leftJoin(right, pair, w, with);
      default -> left.outerJoin(right, pair, w, with);
    };
    collect(out, seen);
  }

  private static void tables(StreamsBuilder builder, ObjectNode c, List<String> seen) {
    String topology = c.get("topology").asText();
    switch (topology) {
      case "count" -> collect(grouped(builder, c).count().toStream().mapValues(n -> Long.toString(n)), seen);
      case "table" -> collect(builder.table("in", Consumed.with(STRING, STRING)).toStream(), seen);
      case "tableJoin", "leftTableJoin" -> {
        KTable<String, String> table = builder.table("r", Consumed.with(STRING, STRING));
        Joined<String, String, String> with = Joined.with(STRING, STRING, STRING);
        KStream<String, String> left = stream(builder, "l");
        ValueJoiner<String, String, String> pair = TopologyGolden::pair;
        collect(topology.equals("tableJoin") ? left.join(table, pair, with) : left.leftJoin(table, pair, with), seen);
      }
      default -> throw new IllegalArgumentException(topology);
    }
  }

  private static String pair(String left, String right) {
    return (left == null ? "-" : left) + "+" + (right == null ? "-" : right);
  }

  private static void collect(KStream<String, String> stream, List<String> seen) {
    stream.process(() -> r -> seen.add(String.format("%s=%s t%d", r.key(), r.value(), r.timestamp())));
  }
}
