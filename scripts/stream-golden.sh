#!/usr/bin/env bash
# Writes stream/testdata/golden: the cases of stream/golden_cases_test.go, with what Kafka Streams' TopologyTestDriver
# makes of them. Run it after a change of the cases; TestGolden says when the files do not fit them.
#
# Usage: scripts/stream-golden.sh [-n CASES] [-s SEED] [-r] [DIR]
#
#   -n CASES  random cases for each kind of topology; default 20
#   -s SEED   their seed; default 1
#   -r        RocksDB as Kafka's state stores, instead of stores in memory; slower, and only ties come in another order
#   DIR       where to write; compare with go test ./stream -run TestGolden -args -stream.golden=DIR
#
# Needs Go, Java 17 or later, and Maven the first time.
set -euo pipefail

cases=20 seed=1 store=in_memory
while getopts n:s:r flag; do
  case $flag in
    n) cases=$OPTARG ;;
    s) seed=$OPTARG ;;
    r) store=rocksdb ;;
    *) exit 2 ;;
  esac
done
shift $((OPTIND - 1))

scripts=$(cd "$(dirname "$0")" && pwd)
mkdir -p "${1:-$scripts/../stream/testdata/golden}"
out=$(cd "${1:-$scripts/../stream/testdata/golden}" && pwd)
jars=$("$scripts/kafka-jars.sh" streams)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

(cd "$scripts/.." && go test ./stream -count 1 -run TestWriteGoldenCases \
  -args "-stream.cases=$work" "-stream.random=$cases" "-stream.seed=$seed") >&2
java -Djava.io.tmpdir="$work" -Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp "$jars" \
  "$scripts/topology-golden/TopologyGolden.java" "$work" "$out" "$store"
