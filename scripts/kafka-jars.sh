#!/usr/bin/env bash
# Prints a Java class path with Apache Kafka's broker and tools on it, or with its streams library and the test driver of
# that. The first use of a version fetches it from Maven Central, about 55 MB or 95 MB, into
# ${XDG_CACHE_HOME:-~/.cache}/kafka-embedded/kafka-VERSION or kafka-streams-VERSION.
#
# Usage: java -cp "$(scripts/kafka-jars.sh [broker|streams])" CLASS ARGUMENT...
#
# Needs Java 17 or later, and Maven the first time. KAFKA_VERSION chooses the version of Kafka, 4.0.0 or later.
set -euo pipefail

version=${KAFKA_VERSION:-4.3.1}

fail() {
  echo "kafka-jars: $*" >&2
  exit 2
}

case ${1:-broker} in
  broker) name=kafka-$version artifacts='kafka_2.13 kafka-tools' ;;
  streams) name=kafka-streams-$version artifacts=kafka-streams-test-utils ;;
  *) fail "there is no set of jars called $1: broker and streams are" ;;
esac
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kafka-embedded/$name

command -v java >/dev/null || fail "java is not installed; Java 17 or later is needed"
feature=$(java -XshowSettings:properties -version 2>&1 | sed -n 's/^ *java.specification.version = //p')
case $feature in
  1.* | 9 | 1[0-6]) fail "java on the PATH is version $feature; 17 or later is needed" ;;
esac

if [ ! -d "$cache" ]; then
  command -v mvn >/dev/null || fail "mvn (Maven) is not installed; it is needed once, to fetch Kafka $version into $cache"
  mkdir -p "$(dirname "$cache")"
  work=$(mktemp -d "$cache.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  dependencies=
  for artifact in $artifacts; do
    dependencies+="<dependency><groupId>org.apache.kafka</groupId><artifactId>$artifact</artifactId>"
    dependencies+="<version>$version</version></dependency>"
  done
  cat >"$work/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId>
  <artifactId>kafka-jars</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    $dependencies
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
POM
  mvn --quiet --batch-mode -Dstyle.color=never --file "$work/pom.xml" \
    dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$work/jars" >&2 ||
    fail "Maven could not fetch Kafka $version"
  # A rename, so that a directory of this name is always complete; another run may have been quicker.
  [ -d "$cache" ] || mv "$work/jars" "$cache" || fail "cannot create $cache"
fi
echo "$cache/*"
