#!/usr/bin/env bash
# Runs the tests that need a Kafka cluster against one real broker (KRaft, one node), which is started for them on a free
# port of the loopback address and stopped afterwards: the suite that all engines pass, the differential test, the README's
# quick start, mirroring and forwarding. Tests that kill brokers, or want others, start them by themselves.
#
# Usage: scripts/cluster-tests.sh [FLAG...]
#
# Each FLAG goes to go test, such as -run TestDifferential or -v. Needs Java 17 and Maven: see kafka-jars.sh.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
broker=

finish() {
  if [ -n "$broker" ]; then
    kill "$broker" 2>/dev/null || true
    wait "$broker" 2>/dev/null || true
  fi
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

# taken reports whether something listens on a port.
taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

"$here/kafka-jars.sh" >/dev/null
port=$((20000 + RANDOM % 10000))
while taken "$port" || taken $((port + 1)); do
  port=$((20000 + RANDOM % 10000))
done

"$here/kafka-broker.sh" "$port" "$work" >"$work/log" 2>&1 &
broker=$!
for ((waited = 0; ; waited++)); do
  if grep -q 'Kafka Server started' "$work/log"; then
    break
  fi
  if [ "$waited" -ge 120 ] || ! kill -0 "$broker" 2>/dev/null; then
    echo "cluster-tests: the broker does not start:" >&2
    tail -n 20 "$work/log" >&2
    exit 1
  fi
  sleep 0.5
done
echo "cluster-tests: a broker listens on 127.0.0.1:$port"

cd "$here/.."
export TEST_KAFKA_URL=kafka://127.0.0.1:$port TEST_KAFKA_BROKER=$PWD/scripts/kafka-broker.sh
go test -count=1 -p 1 "$@" ./cluster ./mirror ./forward
