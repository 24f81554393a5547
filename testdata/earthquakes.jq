# Reduces data/earthquakes.json of the npm package vega-datasets to one event a line, oldest first.
# Use: jq -c -f earthquakes.jq data/earthquakes.json > earthquakes.jsonl

def region:
  split(",") | last | ltrimstr(" ") | rtrimstr(" ")
  | {"CA": "California", "NV": "Nevada", "MX": "Mexico"}[.] // .;

def rfc3339:
  (. / 1000 | floor | todate | rtrimstr("Z")) + "." + ("00\(. % 1000)" | .[-3:]) + "Z";

.features
| map(select(.properties.type == "earthquake"))
| sort_by(.properties.time)[]
| {
    id,
    time: (.properties.time | rfc3339),
    magnitude: .properties.mag,
    place: .properties.place,
    region: (.properties.place | region),
    lon: .geometry.coordinates[0],
    lat: .geometry.coordinates[1],
    depth_km: .geometry.coordinates[2]
  }
