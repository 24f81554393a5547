#!/usr/bin/env bash
# Checks segment files with Apache Kafka's own tool (kafka-dump-log, org.apache.kafka.tools.DumpLogSegments): every
# batch and record of each .log, every entry of each .index, .timeindex and .txnindex found at or below each DIR.
#
# Usage: scripts/dump-log-segments.sh [--compacted] DIR...
#
#   --compacted  offsets may have gaps, as compaction leaves them; otherwise a gap is an error
#
# Prints a line for each file and the tool's own words below a bad one. Exits 0 when there was something to check and
# every file is good, 1 when a file is bad, 2 when nothing could be checked. Needs Java 17 and Maven: see kafka-jars.sh.
#
# The tool mostly exits 0 whatever it finds, so its words decide. What it does not look at is checked here: the magic
# (it takes any from 2 on for 2), the first offset against the file's name, and the sizes of the index files. It reads
# the rest of the log anew for each entry of a time index, so of a long one only the first and last entries are given to
# it. It creates index files that are missing and cuts others to whole entries, so it is shown copies of them.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
time_index_batches=20000000 # batch headers to read, at most, for one time index

compacted=0
if [ "${1:-}" = --compacted ]; then
  compacted=1
  shift
fi
if [ $# -eq 0 ]; then
  sed -n '2,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
  exit 2
fi
for dir; do
  [ -d "$dir" ] || { echo "dump-log-segments: $dir: not a directory" >&2; exit 2; }
done

classpath=$("$here/kafka-jars.sh") || exit 2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# dump ARGUMENT... runs the tool; what it printed is left in $scratch/out and $scratch/err.
dump() {
  local status=0
  java -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "$classpath" \
    org.apache.kafka.tools.DumpLogSegments "$@" >"$scratch/out" 2>"$scratch/err" || status=$?
  [ $status -eq 0 ] || echo "exit status $status" >>"$scratch/err"
}

# log_report BASE reads the tool's output for a log: a summary in the first line, then one line for each error.
log_report() {
  awk -v base="$1" -v compacted=$compacted -v file="$scratch/err" '
    function error(text) { errors[++n] = text }
    /^baseOffset: / {
      batches++
      counted += $6
      if (batches == 1 && ($2 + 0 < base + 0 || !compacted && $2 + 0 != base + 0))
        error("first base offset " $2 ", file name " base + 0)
      if ($0 !~ / magic: 2 /) error("magic is not 2: " $0)
      if ($0 !~ / isvalid: true$/) error($0)
    }
    /^\| offset: / { records++ }
    /^Found [0-9]+ invalid bytes/ { error($0) }
    END {
      if (records != counted) error(records + 0 " records were read, the batches count " counted + 0)
      while ((getline line < file) > 0) {
        if (line ~ /^Non-consecutive offsets/) continue
        # The tool holds every log that does not begin at offset 0 to have a gap there.
        if (line ~ /^  -1 is followed by /) continue
        if (compacted && split(line, gap, " ") == 5 && gap[2] == "is" && gap[5] + 0 > gap[1] + 0) continue
        error(line)
      }
      printf "%d batches, %d records\n", batches, records
      for (i = 1; i <= n; i++) print errors[i]
    }' "$scratch/out"
}

check_log() {
  dump --deep-iteration --files "$1"
  log_report "$(basename "$1" .log)" >"$scratch/report"
  batches=$(sed -n '1s/ .*//p' "$scratch/report")
}

# check_index FILE WIDTH checks a file whose entries have WIDTH bytes.
check_index() {
  local file=$1 width=$2 size entries
  size=$(wc -c <"$file" | tr -d ' ')
  entries=$((size / width))
  echo "$entries entries" >"$scratch/report"
  if [ $((size % width)) -ne 0 ]; then
    echo "$size bytes, not a multiple of $width" >>"$scratch/report"
  fi
  case $file in
    *.timeindex) sample_time_index "$file" "$entries" ;;
  esac
  for mode in --index-sanity-check --verify-index-only; do
    # The size of the largest batch that an entry may point at; the tool's default is 5 MiB.
    dump $mode --max-message-size 2147483647 --files "$file"
    cat "$scratch/err" >>"$scratch/report"
  done
  case $file in
    *.txnindex)
      if [ "$(grep -c '^version: 0 ' "$scratch/out")" -ne "$entries" ]; then
        echo "the tool read another number of entries" >>"$scratch/report"
      fi
      ;;
    *)
      if [ "$size" -ge "$width" ] && [ "$(tail -c "$width" "$file" | tr -d '\0' | wc -c)" -eq 0 ]; then
        echo "ends in an entry of zeros" >>"$scratch/report"
      fi
      ;;
  esac
}

# sample_time_index FILE ENTRIES leaves the first and last entries, as many as can be checked in reasonable time.
sample_time_index() {
  local keep=$((time_index_batches / (batches + 1) / 2))
  [ $((2 * keep)) -lt "$2" ] || return 0
  head -c $((12 * keep)) "$1" >"$scratch/sample"
  tail -c $((12 * keep)) "$1" >>"$scratch/sample"
  mv "$scratch/sample" "$1"
  echo "$2 entries, the first and last $keep checked" >"$scratch/report"
}

bad=0
files=0

# report NAME prints what $scratch/report holds about the file.
report() {
  local errors
  errors=$(($(wc -l <"$scratch/report") - 1))
  files=$((files + 1))
  if [ $errors -eq 0 ]; then
    echo "ok   $1: $(head -n 1 "$scratch/report")"
    return
  fi
  bad=$((bad + 1))
  echo "BAD  $1: $(head -n 1 "$scratch/report")"
  tail -n +2 "$scratch/report" | sed "s|$scratch/copies/||g; s/^/       /" | cut -c 1-500 | head -n 20
  [ $errors -le 20 ] || echo "       and $((errors - 20)) lines more"
}

check_segment() {
  local log=$1 stem=${1%.log} copies=$scratch/copies name width suffix
  name=$(basename "$stem")
  rm -rf "$copies"
  mkdir "$copies"
  ln -s "$(cd "$(dirname "$log")" && pwd)/$name.log" "$copies/$name.log"
  for suffix in index timeindex txnindex; do
    [ ! -e "$stem.$suffix" ] || cat "$stem.$suffix" >"$copies/$name.$suffix"
  done
  check_log "$copies/$name.log"
  report "$log"
  for suffix in index timeindex txnindex; do
    case $suffix in index) width=8 ;; timeindex) width=12 ;; txnindex) width=34 ;; esac
    if [ -e "$stem.$suffix" ]; then
      check_index "$copies/$name.$suffix" $width
      report "$stem.$suffix"
    elif [ $suffix != txnindex ] && [ "$batches" -gt 1 ] && [ "$(wc -c <"$log")" -gt 8192 ]; then
      # A segment in which no entry is due yet has no index file; the one after 4 KiB of batches is.
      printf 'missing\nno such file\n' >"$scratch/report"
      report "$stem.$suffix"
    fi
  done
}

digit='[0-9]'
digits=$digit$digit$digit$digit$digit$digit$digit$digit$digit$digit
find "$@" -type f -name "$digits$digits.log" | LC_ALL=C sort >"$scratch/logs"
while IFS= read -r log; do
  check_segment "$log" </dev/null
done <"$scratch/logs"

if [ $files -eq 0 ]; then
  echo "dump-log-segments: no segment files found" >&2
  exit 2
fi
echo "$files files checked, $bad bad"
[ $bad -eq 0 ]
