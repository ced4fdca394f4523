#!/usr/bin/env bash
# Measures redis-server and redisd side by side with redis-benchmark.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: scripts/bench.sh [options] [-- directive...]

Starts both servers without persistence, runs the same redis-benchmark on them in
turns, and prints the best rate of each and the ratio.

  --tests LIST      redis-benchmark tests (default set,get)
  --pipelines LIST  (default "16 1")
  --requests N      requests a run at pipeline 16; a quarter of it at 1 (default 1000000)
  --clients N       (default 50)
  --size BYTES      of a value (default 64)
  --keys N          key space (default 1000000)
  --rounds N        runs of each (default 3; the best counts: noise only slows down)
  --peer PATH       the other server (default redis-server)
  --binary PATH     ours (default bin/redisd)
  --csv FILE        write the table there as well
  -- ...            given to both servers, e.g. -- --appendonly yes --appendfsync no

On a machine with at least two processors the server gets one and redis-benchmark the
others. Rates of different machines, or of a busy one, cannot be compared: only the
ratio of one run.
USAGE
}

die() {
    echo "bench: $*" >&2
    exit 2
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tests=set,get
pipelines="16 1"
requests=1000000
clients=50
size=64
keys=1000000
rounds=3
peer=redis-server
binary=$root/bin/redisd
csv=
while [ $# -gt 0 ]; do
    case $1 in
    --)
        shift
        break
        ;;
    -h | --help)
        usage
        exit 0
        ;;
    --*) [ $# -ge 2 ] || die "$1 needs a value" ;;
    esac
    case $1 in
    --tests) tests=$2 ;;
    --pipelines) pipelines=$2 ;;
    --requests) requests=$2 ;;
    --clients) clients=$2 ;;
    --size) size=$2 ;;
    --keys) keys=$2 ;;
    --rounds) rounds=$2 ;;
    --peer) peer=$2 ;;
    --binary) binary=$2 ;;
    --csv) csv=$2 ;;
    *)
        usage >&2
        exit 2
        ;;
    esac
    shift 2
done
extra=("$@")
case $requests$clients$size$keys$rounds in *[!0-9]*) die "counts are whole numbers" ;; esac

command -v redis-benchmark >/dev/null || die "needs redis-benchmark (scripts/deps.sh)"
command -v "$peer" >/dev/null || die "no $peer (scripts/deps.sh)"
[ -x "$binary" ] || die "$binary is not there; run 'make build'"

dir=$(mktemp -d "${TMPDIR:-/tmp}/redisd-bench.XXXXXX")
pids=()
cleanup() {
    local p
    for p in "${pids[@]}"; do
        kill "$p" 2>/dev/null || true
    done
    wait 2>/dev/null || true
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

pin_server=()
pin_client=()
cpus=$(nproc)
if [ "$cpus" -ge 2 ] && command -v taskset >/dev/null; then
    pin_server=(taskset -c 0)
    pin_client=(taskset -c "1-$((cpus - 1))")
fi

# free_port finds one on which nothing answers.
free_port() {
    local p
    for ((p = $1; p < $1 + 200; p++)); do
        if ! (: <"/dev/tcp/127.0.0.1/$p") 2>/dev/null; then
            echo "$p"
            return
        fi
    done
    die "no free port from $1"
}

# start_server NAME BINARY PORT
start_server() {
    local i
    mkdir -p "$dir/$1"
    "${pin_server[@]}" "$2" --port "$3" --bind 127.0.0.1 --dir "$dir/$1" --save "" --appendonly no \
        --daemonize no "${extra[@]}" >"$dir/$1.log" 2>&1 &
    pids+=($!)
    for ((i = 0; i < 200; i++)); do
        if [ "$(redis-cli -p "$3" ping 2>/dev/null)" = PONG ]; then
            return
        fi
        kill -0 "${pids[-1]}" 2>/dev/null || break
        sleep 0.05
    done
    tail -n 5 "$dir/$1.log" >&2
    die "$1 does not start"
}

# rates PORT PIPELINE REQUESTS prints "TEST rate" lines.
rates() {
    "${pin_client[@]}" redis-benchmark -p "$1" -P "$2" -n "$3" -c "$clients" -d "$size" -r "$keys" -t "$tests" --csv |
        sed -e '1d' -e 's/"//g' | awk -F, '{ print $1, $2 }'
}

peer_port=$(free_port $((17000 + $$ % 1000)))
our_port=$(free_port $((peer_port + 1)))
start_server peer "$peer" "$peer_port"
start_server redisd "$binary" "$our_port"

echo "machine: $cpus processors, $(sed -n '/^model name/{s/.*: //p;q}' /proc/cpuinfo), $(uname -r)"
echo "date: $(date -u +%Y-%m-%dT%H:%MZ)  load: $(cut -d ' ' -f 1-3 /proc/loadavg)"
echo "peer: $("$peer" --version | sed -n 1p)"
echo "ours: $("$binary" --version | tail -n 1)"
echo "command: redis-benchmark -c $clients -d $size -r $keys -t $tests, best of $rounds${extra[*]:+, servers with ${extra[*]}}"
echo

for p in $pipelines; do
    n=$requests
    [ "$p" -ge 8 ] || n=$((requests / 4))
    for ((i = 0; i < rounds; i++)); do
        # In turns, and the first one changes: neither has the quieter half.
        if [ $((i % 2)) -eq 0 ]; then order="peer redisd"; else order="redisd peer"; fi
        for who in $order; do
            port=$peer_port
            [ "$who" = peer ] || port=$our_port
            rates "$port" "$p" "$n" | sed "s/^/$p $who /" >>"$dir/rates"
        done
    done
done

# Rows in the order of measuring: pipeline, test, best rate of each, ratio.
awk '
    {
        key = $1 " " $3
        if (!(key in seen)) { seen[key] = 1; order[++n] = key }
        if ($4 > best[key, $2]) best[key, $2] = $4
    }
    END {
        for (i = 1; i <= n; i++) {
            split(order[i], k, " ")
            printf "%s,%s,%.0f,%.0f,%.2f\n", k[1], k[2], best[order[i], "peer"], best[order[i], "redisd"],
                best[order[i], "redisd"] / best[order[i], "peer"]
        }
    }
' "$dir/rates" >"$dir/table"

printf '%8s  %-12s %14s %14s %8s\n' pipeline test "redis-server/s" "redisd/s" ratio
while IFS=, read -r p t a b r; do
    printf '%8s  %-12s %14s %14s %8s\n' "$p" "$t" "$a" "$b" "$r"
done <"$dir/table"
if [ -n "$csv" ]; then
    {
        echo "pipeline,test,redis-server,redisd,ratio"
        cat "$dir/table"
    } >"$csv"
fi
