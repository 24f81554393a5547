import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.*;
import org.apache.kafka.common.record.internal.*;

/**
 * Writes the batches beside it, one for each codec, as Kafka's own Java client does. From the module's root, with Kafka
 * 4.3: java -cp "$(scripts/kafka-jars.sh)" record/testdata/java/Golden.java record/testdata/java
 */
public class Golden {
    public static void main(String[] args) throws Exception {
        for (String name : new String[] {"none", "gzip", "snappy", "lz4", "zstd"}) {
            MemoryRecordsBuilder b = MemoryRecords.builder(ByteBuffer.allocate(1 << 20), RecordBatch.MAGIC_VALUE_V2,
                Compression.of(name).build(), TimestampType.CREATE_TIME, 1000L, RecordBatch.NO_TIMESTAMP, 42L, (short) 3, 7,
                true, 9);
            for (int i = 0; i < 400; i++) {
                byte[] key = i % 3 == 0 ? null : ("key-" + i).getBytes();
                byte[] value = i % 5 == 0 ? null : ("value " + i + " ").repeat(20).getBytes();
                Header[] headers = i % 7 == 0
                    ? new Header[] {new RecordHeader("h", ("" + i).getBytes()), new RecordHeader("null", (byte[]) null)}
                    : new Header[0];
                b.append(1_700_000_000_000L + i, key, value, headers);
            }
            ByteBuffer out = b.build().buffer();
            byte[] bytes = new byte[out.remaining()];
            out.get(bytes);
            Files.write(Path.of(args[0], name + ".batch"), bytes);
        }
    }
}
