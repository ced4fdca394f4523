#!/usr/bin/env bash
# Makes cmd/redisd/default.pgo: the compiler lays the hot way out after it (see the Go
# documentation on profile-guided optimization). Runs a daemon that profiles itself under
# redis-benchmark, pipelined and not, without and with a log.
#
# usage: scripts/profile.sh [seconds a command, default 2]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
secs=${1:-2}
work=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || true; rm -rf "$work"' EXIT
CGO_ENABLED=0 go build -trimpath -pgo=off -tags profile -o "$work/redisd" ./cmd/redisd

# What is asked for, a line each; __rand_int__ is a number below -r.
commands=(
    "SET key:__rand_int__ 0123456789012345678901234567890123456789"
    "GET key:__rand_int__"
    "INCR counter:__rand_int__"
    "DEL key:__rand_int__"
    "EXPIRE key:__rand_int__ 1000"
    "MGET key:__rand_int__ key:__rand_int__ key:__rand_int__"
    "LPUSH list 0123456789"
    "RPOP list"
    "RPUSH list:__rand_int__ 0123456789"
    "LRANGE range 0 99"
    "SADD set element:__rand_int__"
    "SISMEMBER set element:__rand_int__"
    "HSET hash element:__rand_int__ 0123456789"
    "HGET hash element:__rand_int__"
    "HSET hash:__rand_int__ field 0123456789"
    "HGETALL small"
    "ZADD zset __rand_int__ element:__rand_int__"
    "ZRANGE zset 1000 1099"
    "ZADD zset:__rand_int__ 1 member"
    "XADD stream MAXLEN ~ 100000 * field value"
    "PFADD hll element:__rand_int__"
    "GEOSEARCH geo FROMLONLAT 10 45 BYRADIUS 30 km ASC"
)

# load FLAGS... : one daemon with these directives, all commands at both pipelines
load() {
    local n=$1 dir=$work/$1 sock=$work/$1.sock
    shift
    mkdir "$dir"
    REDISD_CPUPROFILE=$work/cpu$n "$work/redisd" --port 0 --unixsocket "$sock" --dir "$dir" --save "" "$@" >"$dir/log" &
    pid=$!
    until redis-cli -s "$sock" ping >/dev/null 2>&1; do kill -0 "$pid"; done
    redis-cli -s "$sock" eval 'for i = 1, 200 do redis.call("RPUSH", "range", "value:" .. i) end
        for i = 1, 50 do redis.call("HSET", "small", "field:" .. i, "value") end
        for i = 1, 20000 do redis.call("GEOADD", "geo", 5 + (i % 141) / 14.1, 40 + i / 2000, "place:" .. i) end' 0 >/dev/null
    local c pipeline
    for pipeline in 16 1; do
        for c in "${commands[@]}"; do
            # shellcheck disable=SC2086 # the words of a command
            timeout "$secs" redis-benchmark -s "$sock" -P "$pipeline" -c 16 -r 1000000 -n 100000000 -q $c >/dev/null 2>&1 || true
        done
    done
    redis-cli -s "$sock" shutdown nosave || true
    wait "$pid" || true
    pid=
}

load 1
load 2 --appendonly yes --appendfsync no
go tool pprof -proto "$work/cpu1" "$work/cpu2" >"$work/merged" 2>/dev/null
# The profile names the binary; where it lay is nobody's business. The name keeps its length,
# which the format tells before it.
gunzip <"$work/merged" | W=$work perl -pe 's{\Q$ENV{W}\E}{"/" . "x" x (length($ENV{W}) - 1)}ge' | gzip -n >cmd/redisd/default.pgo
ls -l cmd/redisd/default.pgo
