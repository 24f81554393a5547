#!/usr/bin/env bash
# Prints a Java class path with Apache Kafka's broker and tools on it. The first use of a version fetches it from Maven
# Central, about 55 MB, into ${XDG_CACHE_HOME:-~/.cache}/kafka-embedded/kafka-VERSION.
#
# Usage: java -cp "$(scripts/kafka-jars.sh)" CLASS ARGUMENT...
#
# Needs Java 17 or later, and Maven the first time. KAFKA_VERSION chooses the version of Kafka, 4.0.0 or later.
set -euo pipefail

version=${KAFKA_VERSION:-4.3.1}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kafka-embedded/kafka-$version

fail() {
  echo "kafka-jars: $*" >&2
  exit 2
}

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
  cat >"$work/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId>
  <artifactId>kafka-jars</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$version</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>$version</version></dependency>
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
