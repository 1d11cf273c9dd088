#!/bin/sh
# A minimal worker for redlock-bench in POSIX shell, written from docs/worker-protocol.md alone.
#
# Its lock is one key on the middle node, taken with SET NX PX and given back only by its owner. It needs redis-cli, curl
# and GNU's date and timeout.
#
#     redlock-bench worker-check testdata/workers/worker.sh
#     redlock-bench run --worker sh=testdata/workers/worker.sh --subject sh,guarded
set -u

# text and number find a field of a request. The harness writes no blanks between fields, and escapes nothing that is
# used here.
text() { printf '%s' "$line" | sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }
number() { printf '%s' "$line" | sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p"; }
asked() { case $line in *"\"$1\":true"*) true ;; *) false ;; esac; }

# The boot clock is computed from the wall clock, which a shell can read. It must not jump meanwhile.
offset=-9000000000000000000
own() { date +%s%N; }
now() { echo $(($(own) + offset)); }
hear() { # notes the difference of the clocks, if it's the largest so far
  heard=$(($(number now_ns) - $(own)))
  [ "$heard" -le "$offset" ] || offset=$heard
}

redis() { timeout "$patience" redis-cli -u "$node" "$@" 2>/dev/null; }
if_mine="if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call"
extend="$if_mine('PEXPIRE', KEYS[1], ARGV[2]) end return 0"
release="$if_mine('DEL', KEYS[1]) end return 0"

hello() {
  [ "$(number version)" = 1 ] || { refuse "this worker speaks version 1"; return; }
  nodes=$(printf '%s' "$line" | sed 's/.*"nodes":\[\([^]]*\)\].*/\1/' | tr -d '"' | tr ',' '\n')
  middle=$(($(echo "$nodes" | wc -l) / 2))
  node=$(echo "$nodes" | sed -n "$((middle + 1))p")
  resource=$(text resource) client=$(text client)
  patience=$(number node_timeout_ms)
  patience=$(printf '%d.%03d' $((patience / 1000)) $((patience % 1000)))
  grant "\"version\":1,\"uses\":[$middle]"
}

# One lock at a time is enough: the harness asks for one name.
until=0
acquire() {
  ttl=$(number ttl_ms) lease=$id until=0
  token=$(od -An -tx1 -N16 /dev/urandom | tr -d ' \n')
  if [ "$(redis SET "$name" "$token" NX PX "$ttl")" = OK ]; then
    trust
    grant "\"token\":\"$token\",\"valid_until_ns\":$until"
  else
    refuse "held by another, or no answer"
  fi
}
extend() {
  [ "$(redis EVAL "$extend" 1 "$name" "$token" "$ttl")" = 1 ] || { refuse "it isn't ours any more"; return; }
  trust
  grant "\"valid_until_ns\":$until"
}
release() {
  [ "$(redis EVAL "$release" 1 "$name" "$token")" = 1 ] || { refuse "it isn't ours any more"; return; }
  grant
}
# A lock may be trusted for its TTL from before it was asked for, less 1 % for clocks that drift.
trust() { until=$((invoked + ttl * 990000)); }
valid() { [ "$(now)" -lt "$until" ]; }
check() {
  valid || { refuse "its time is over"; return; }
  grant "\"valid_until_ns\":$until"
}
read_counters() {
  counters=$(curl -sf --noproxy '*' -m 60 "$resource/counters") || { refuse "no answer from the resource"; return; }
  grant "\"counters\":$counters,\"valid_until_ns\":$until"
}
write_counters() {
  if asked recheck && ! valid; then refuse "its time is over"; return; fi
  if asked stop_after_check; then kill -STOP $$; fi
  curl -sf --noproxy '*' -m 60 -d "{\"client\":\"$client\",\"lease\":$lease,\"read\":$counters}" "$resource/counters" >/dev/null ||
    { refuse "no answer from the resource"; return; }
  grant "\"valid_until_ns\":$until"
}

reply() { # true or false, and more fields
  case $op in
  hello | exit) times= ;;
  *) times=",\"invoked_ns\":$invoked,\"returned_ns\":$(now)" ;;
  esac
  printf '{"id":%s,"ok":%s%s%s}\n' "$id" "$1" "${2:+,$2}" "$times"
}
grant() { reply true "${1:-}"; }
refuse() {
  case $op in
  extend | check | read | write) reply false "\"error\":\"$1\",\"valid_until_ns\":$until" ;;
  *) reply false "\"error\":\"$1\"" ;;
  esac
}

while IFS= read -r line; do
  hear
  id=$(number id) op=$(text op) name=$(text name)
  [ -n "$id" ] && [ -n "$op" ] || { echo "not a request: $line" >&2; exit 1; }
  invoked=$(now)
  case $op in
  hello | acquire | extend | release | check) "$op" ;;
  read | write) "${op}_counters" ;;
  exit) grant; exit 0 ;;
  *) refuse "unknown operation $op" ;;
  esac
done
