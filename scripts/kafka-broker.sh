#!/usr/bin/env bash
# Runs a one-node Apache Kafka broker (KRaft, broker and controller in one process) on the loopback address, in the
# foreground, until it is interrupted. For checks against the real thing; never for data that matters.
#
# Usage: scripts/kafka-broker.sh PORT DIR [NAME=VALUE...]
#
# The broker listens on 127.0.0.1:PORT, its controller on PORT+1. Its data is in DIR/data, which is formatted on first
# use and kept. Each NAME=VALUE is one more broker setting, such as log.segment.bytes=1048576. It is ready once it prints
# "Kafka Server started". KAFKA_CLUSTER_ID makes it one of a cluster's brokers, for which node.id and
# controller.quorum.voters have to be given as well. Needs Java 17 and Maven: see kafka-jars.sh.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [ $# -lt 2 ]; then
  sed -n '2,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
  exit 2
fi
port=$1
dir=$2
shift 2
case $port in
  '' | *[!0-9]*) echo "kafka-broker: $port: not a port number" >&2; exit 2 ;;
esac
classpath=$("$here/kafka-jars.sh") || exit 2
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)

cat >"$dir/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$((port + 1))
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1))
controller.listener.names=CONTROLLER
log.dirs=$dir/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
PROPERTIES
for setting; do
  echo "$setting" >>"$dir/server.properties"
done

export CLASSPATH=$classpath
if [ ! -e "$dir/data/meta.properties" ]; then
  id=${KAFKA_CLUSTER_ID:-$(java -Dorg.slf4j.simpleLogger.defaultLogLevel=error kafka.tools.StorageTool random-uuid)}
  java -Dorg.slf4j.simpleLogger.defaultLogLevel=error \
    kafka.tools.StorageTool format --cluster-id "$id" --config "$dir/server.properties"
fi
exec java -Xmx512m -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
  -Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info kafka.Kafka "$dir/server.properties"
