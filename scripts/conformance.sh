#!/usr/bin/env bash
# Runs Redis's own Tcl test suite, from Debian's source package, on our binary.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
lists=$root/test/conformance

usage() {
    cat <<'USAGE'
usage: scripts/conformance.sh [options] [unit...]

Runs units of Redis's test suite (unit/type/string, integration/logging, ...), each
by itself, with bin/redisd in the place of redis-server. Without units: those of
test/conformance/must-pass.txt, or with --tls those of must-pass-tls.txt.

  --fast            the units of test/conformance/fast.txt
  --all             every unit the suite lists
  --list FILE       the units of a file (one a line, # starts a comment)
  --oracle          run Debian's redis-server instead of ours (no skips unless --skips
                    is given): shows what the suite itself gives on this machine
  --binary PATH     the server to test (default bin/redisd)
  --skips DIR       skip lists (default test/conformance/skips; 'none' for none)
  --tls             every connection is encrypted (needs tcl-tls and openssl, which makes
                    the certificates)
  --tags TAGS       passed to the suite, e.g. '-needs:repl -slow'
  --timeout SEC     limit of a unit (default 300)
  --jobs N          units at a time (default 1; timing tests fail on a busy machine)
  --strict          exit 1 on any failure, not only in units that must pass
  --keep            keep the folders of the units (server logs, data)
  -h, --help        this text

One row a unit: tests ok, failed, exceptions, skipped, seconds. A unit ends at its
first exception (an unknown command, for one): what follows is neither ok nor failed,
and its row says "aborted". The last line is "N passed, N failed", where an
exception, a timeout and a unit that ran nothing count as one failure each.

Exit status: 0; 1 when a unit of that list did not pass whole; 2 when the suite
could not be run. Logs: .cache/conformance/logs.

The source package is fetched once into .cache (or $REDISD_CACHE). REDIS_SOURCE=DIR
uses an unpacked one.
USAGE
}

die() {
    echo "conformance: $*" >&2
    exit 2
}

note() { echo "conformance: $*" >&2; }

# --- options -----------------------------------------------------------------

oracle=no
binary=$root/bin/redisd
skips=
limit=300
jobs=1
strict=no
keep=no
all=no
tls=no
tags=
units=()

read_list() {
    [ -r "$1" ] || die "no such list: $1"
    sed -e 's/#.*//' -e 's/[[:space:]]*$//' -e 's/^[[:space:]]*//' -e '/^$/d' "$1"
}

add_list() {
    local line text
    text=$(read_list "$1") || exit 2
    while IFS= read -r line; do
        [ -z "$line" ] || units+=("$line")
    done <<<"$text"
}

while [ $# -gt 0 ]; do
    case $1 in
    --list | --binary | --skips | --tags | --timeout | --jobs)
        [ $# -ge 2 ] || die "$1 needs a value"
        ;;
    esac
    case $1 in
    --fast) add_list "$lists/fast.txt" ;;
    --all) all=yes ;;
    --list) add_list "$2" && shift ;;
    --oracle) oracle=yes ;;
    --binary) binary=$2 && shift ;;
    --skips) skips=$2 && shift ;;
    --tags) tags=$2 && shift ;;
    --timeout) limit=$2 && shift ;;
    --jobs) jobs=$2 && shift ;;
    --strict) strict=yes ;;
    --tls) tls=yes ;;
    --keep) keep=yes ;;
    -h | --help)
        usage
        exit 0
        ;;
    -*)
        usage >&2
        exit 2
        ;;
    *) units+=("${1%.tcl}") ;;
    esac
    shift
done
case $limit$jobs in *[!0-9]*) die "--timeout and --jobs take whole numbers" ;; esac
if [ "$limit" -lt 1 ] || [ "$jobs" -lt 1 ]; then
    die "--timeout and --jobs start at 1"
fi

# --- the suite's source ------------------------------------------------------

cache=${REDISD_CACHE:-$root/.cache}
work=$cache/conformance
version=7.0.15

# deb_src writes a copy of the machine's own package sources that asks for source
# packages, and nothing else, into the folder $1.
deb_src() {
    local f n=0
    mkdir -p "$1"
    for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -r "$f" ] || continue
        n=$((n + 1))
        sed -n 's/^[[:space:]]*deb[[:space:]]/deb-src /p' "$f" >"$1/$n.list"
    done
    for f in /etc/apt/sources.list.d/*.sources; do
        [ -r "$f" ] || continue
        n=$((n + 1))
        sed 's/^[Tt]ypes:.*/Types: deb-src/' "$f" >"$1/$n.sources"
    done
    [ "$n" -gt 0 ] || die "no package sources under /etc/apt"
}

# fetch downloads the source package into the folder $1, through apt with folders of
# its own: the machine's package lists are not touched, and root is not needed.
fetch() {
    local apt=$1/apt
    command -v apt-get >/dev/null || die "needs apt-get to fetch Redis's source; or set REDIS_SOURCE"
    mkdir -p "$apt/lists/partial" "$apt/archives/partial"
    deb_src "$apt/sources"
    local opts=(
        -q
        -o Dir::Etc::sourcelist=/dev/null
        -o "Dir::Etc::sourceparts=$apt/sources"
        -o "Dir::State::lists=$apt/lists"
        -o "Dir::Cache=$apt"
        -o "Dir::Cache::archives=$apt/archives"
        -o APT::Get::List-Cleanup=0
        -o Acquire::Retries=2
    )
    # apt drops to a user of its own, who cannot write here.
    [ "$(id -u)" -ne 0 ] || opts+=(-o APT::Sandbox::User=root)
    # A repository without source packages makes update fail; what counts is whether
    # the package comes.
    apt-get "${opts[@]}" update >"$1/apt.log" 2>&1 || true
    if ! (cd "$1" && apt-get "${opts[@]}" --download-only source redis) >>"$1/apt.log" 2>&1; then
        tail -n 20 "$1/apt.log" >&2
        die "could not download Redis's source package (log: $1/apt.log)"
    fi
    rm -rf "$apt"
}

# unpack makes $2 from the .dsc in $1, Debian's patches applied.
unpack() {
    local dsc=("$1"/redis_*.dsc) orig patch
    [ -r "${dsc[0]}" ] || die "no redis_*.dsc in $1"
    case ${dsc[0]} in
    */redis_"$version"-*) ;;
    *) note "the package is ${dsc[0]##*/}, the lists were made for $version" ;;
    esac
    rm -rf "$2.part"
    if command -v dpkg-source >/dev/null; then
        dpkg-source --no-check -x "${dsc[0]}" "$2.part" >"$1/unpack.log" 2>&1 ||
            die "dpkg-source failed (log: $1/unpack.log)"
    else
        orig=$(echo "$1"/redis_*.orig.tar.*)
        mkdir -p "$2.part"
        tar -xf "$orig" -C "$2.part" --strip-components=1
        tar -xf "$(echo "$1"/redis_*.debian.tar.*)" -C "$2.part"
        while IFS= read -r patch; do
            case $patch in '' | '#'*) continue ;; esac
            patch -s -p1 -d "$2.part" <"$2.part/debian/patches/${patch%% *}" ||
                die "patch $patch does not apply"
        done <"$2.part/debian/patches/series"
    fi
    mv "$2.part" "$2"
}

if [ -n "${REDIS_SOURCE-}" ]; then
    source_dir=$REDIS_SOURCE
else
    source_dir=$work/source/redis
    if [ ! -d "$source_dir/tests" ]; then
        note "fetching the source package of Debian's redis"
        mkdir -p "$work/source"
        rm -rf "$source_dir"
        fetch "$work/source"
        unpack "$work/source" "$source_dir"
    fi
fi
[ -x "$source_dir/runtest" ] || die "$source_dir: no runtest in there"

# --- what it needs -----------------------------------------------------------

need=(tcl redis-tools)
[ "$oracle" = no ] || need+=(redis-server)
[ "$tls" = no ] || need+=(tcl-tls openssl)
"$root/scripts/deps.sh" "${need[@]}" >&2 || die "cannot run without: ${need[*]}"

path_of() { command -v "$1" || die "no $1 on this machine"; }
if [ "$oracle" = yes ]; then
    server=$(path_of redis-server)
    check_aof=$(path_of redis-check-aof)
    check_rdb=$(path_of redis-check-rdb)
    skips=${skips:-none}
else
    skips=${skips:-$lists/skips}
    [ -x "$binary" ] || die "$binary: not there; run 'make build'"
    mkdir -p "$work"
    # A copy, so that a build during the run does not change what is tested.
    server=$work/redisd.$$
    cp "$binary" "$server"
    check_aof=$server
    check_rdb=$server
fi
cli=$(path_of redis-cli)
benchmark=$(path_of redis-benchmark)

if [ "$all" = yes ]; then
    while IFS= read -r u; do
        units+=("$u")
    done < <(sed -n '/^set ::all_tests {/,/^}/p' "$source_dir/tests/test_helper.tcl" | sed -e '1d' -e '$d' -e 's/[[:space:]]//g')
fi
must_pass=$lists/must-pass.txt
[ "$tls" = no ] || must_pass=$lists/must-pass-tls.txt
[ ${#units[@]} -gt 0 ] || add_list "$must_pass"
for u in "${units[@]}"; do
    [ -r "$source_dir/tests/$u.tcl" ] || die "no such unit: $u"
done
declare -A must
while IFS= read -r u; do
    [ -z "$u" ] || must[$u]=1
done < <(read_list "$must_pass")

# The certificates are made once, by the suite's own script.
if [ "$tls" = yes ] && [ ! -r "$work/certs/tests/tls/redis.dh" ]; then
    note "making certificates"
    mkdir -p "$work/certs"
    (cd "$work/certs" && bash "$source_dir/utils/gen-test-certs.sh") >"$work/certs.log" 2>&1 ||
        die "no certificates (log: $work/certs.log)"
fi

# --- one unit ----------------------------------------------------------------

run=$(mktemp -d "${TMPDIR:-/tmp}/conformance.XXXXXX")
logs=$work/logs
mkdir -p "$logs" "$run/results"

# stop_servers ends what a unit left behind: processes whose working folder is in
# the unit's folder. Nothing else on the machine can match.
stop_servers() {
    local p cwd
    for p in /proc/[0-9]*; do
        cwd=$(readlink "$p/cwd" 2>/dev/null) || continue
        case $cwd in "$1"/*) kill -KILL "${p#/proc/}" 2>/dev/null || true ;; esac
    done
}

cleanup() {
    stop_servers "$run"
    [ "$keep" = yes ] || rm -rf "$run"
    [ "$oracle" = yes ] || rm -f "$server"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# skip_file turns the skip list of a unit into what the suite takes, into $2, and
# insists on a reason above every name.
skip_file() {
    local list=$skips/$1.txt line reason=no n=0
    : >"$2"
    if [ "$skips" = none ] || [ ! -r "$list" ]; then
        return 0
    fi
    while IFS= read -r line || [ -n "$line" ]; do
        n=$((n + 1))
        case $line in
        '') reason=no ;;
        '#'*) reason=yes ;;
        *)
            [ "$reason" = yes ] || die "$list:$n: a skip needs its reason in a comment above"
            printf '%s\n' "$line" >>"$2"
            ;;
        esac
    done <"$list"
}

# settings prints the directives that unit $1 needs to be about the same thing as for
# the suite's own server: skips/<unit>.conf, whose comments say why.
settings() {
    local list=$skips/$1.conf
    if [ "$skips" != none ] && [ -r "$list" ]; then
        sed -e '/^#/d' -e '/^[[:space:]]*$/d' "$list"
    fi
}

# edit_unit changes what a unit, which is 7.0's, wants where 7.2 does otherwise:
# skips/<unit>.sed, whose comments say why. An edit that fits nowhere is a mistake.
edit_unit() {
    local list=$skips/$1.sed
    if [ "$skips" != none ] && [ -r "$list" ]; then
        sed -i.orig -E -f "$list" "$2"
        ! cmp -s "$2" "$2.orig" || die "$list changes nothing"
    fi
}

# run_unit runs unit $1 in slot $2 and leaves "ok err exc skip secs state" in a file.
run_unit() {
    local unit=$1 slot=$2 name dir log base share begin status=0 state
    local ok err exc skip
    name=${unit//\//_}
    dir=$run/$name
    log=$logs/$name.log
    mkdir -p "$dir/src"
    cp -a "$source_dir/tests" "$source_dir/runtest" "$source_dir/utils" "$source_dir/redis.conf" "$dir/"
    ln -s "$server" "$dir/src/redis-server"
    ln -s "$check_aof" "$dir/src/redis-check-aof"
    ln -s "$check_rdb" "$dir/src/redis-check-rdb"
    ln -s "$cli" "$dir/src/redis-cli"
    ln -s "$benchmark" "$dir/src/redis-benchmark"
    [ "$tls" = no ] || cp -a "$work/certs/tests/tls" "$dir/tests/"
    skip_file "$unit" "$dir/skips"
    [ "$skips" = none ] || sed -i -f "$lists/suite.sed" "$dir/tests/support/test.tcl"
    edit_unit "$unit" "$dir/tests/$unit.tcl"

    # Ports 21111 to 29110; the suite also wants each port plus 10000 to be free. The
    # 32 below its base are for the suite itself.
    share=$((400 / jobs))
    base=$((21111 + ($$ % 20) * 400 + slot * share))
    local args=(--single "$unit" --clients 1 --timeout "$limit"
        --baseport $((base + 32)) --portcount $((share - 32)) --skipfile "$dir/skips")
    [ -z "$tags" ] || args+=(--tags "$tags")
    [ "$tls" = no ] || args+=(--tls)
    local key value
    while read -r key value; do
        args+=(--config "$key" "$value")
    done < <(settings "$unit")

    begin=$SECONDS
    (cd "$dir" && TERM=dumb timeout --kill-after=5 "$limit" ./runtest "${args[@]}") >"$log" 2>&1 </dev/null || status=$?
    stop_servers "$dir"

    ok=$(grep -c '^\[ok\]: ' "$log" || true)
    err=$(grep -c -E '^\[(err|TIMEOUT)\]: ' "$log" || true)
    exc=$(grep -c '^\[exception\]: ' "$log" || true)
    skip=$(grep -c '^\[skip\]: ' "$log" || true)
    if [ "$status" -eq 124 ] || [ "$status" -eq 137 ]; then
        state=timeout
        err=$((err + 1))
    elif [ "$exc" -gt 0 ]; then
        state=aborted
    elif ! grep -q 'The End' "$log"; then
        state=broken
        exc=$((exc + 1))
    elif [ "$err" -gt 0 ]; then
        state=failed
    elif [ "$ok" -eq 0 ] && ! grep -q '^\[skip\]: \|^\[ignore\]: \|^Testing Redis version' "$log"; then
        state=empty
        err=1
    else
        state=passed
    fi
    echo "$ok $err $exc $skip $((SECONDS - begin)) $state" >"$run/results/$name"
    stale_skips "$dir/skips" "$log" "$state" >"$run/results/$name.stale"
    [ "$keep" = yes ] || rm -rf "$dir"
}

# stale_skips names the entries of a skip list that no test of a whole run matched.
stale_skips() {
    [ "$3" = passed ] || [ "$3" = failed ] || return 0
    local s
    while IFS= read -r s; do
        case $s in
        /*) sed -n 's/^\[skip\]: //p' "$2" | grep -q -E -- "${s#/}" || echo "$s" ;;
        *) sed -n 's/^\[skip\]: //p' "$2" | grep -q -F -x -- "$s" || echo "$s" ;;
        esac
    done <"$1"
}

# --- all of them -------------------------------------------------------------

format='%-36s %5s %5s %5s %5s %6s  %s\n'
passed=0
failed=0
bad=0
any_failed=no

# failures prints the first lines of every failure in a log.
failures() {
    awk '
        /^\[/ { n = 0 }
        /^\[(err|exception|TIMEOUT)\]: / { n = 3 }
        n > 0 { print "    " substr($0, 1, 200); n--; if (++lines == 40) exit }
    ' "$1"
}

# show prints the row of a finished unit and adds it up.
show() {
    local unit=$1 name=${1//\//_} ok err exc skip secs state mark='' line
    read -r ok err exc skip secs state <"$run/results/$name"
    passed=$((passed + ok))
    failed=$((failed + err + exc))
    if [ "$state" != passed ]; then
        any_failed=yes
        if [ -n "${must[$unit]-}" ]; then
            bad=$((bad + 1))
            mark=" (must pass)"
        fi
    fi
    # shellcheck disable=SC2059
    printf "$format" "$unit" "$ok" "$err" "$exc" "$skip" "$secs" "$state$mark"
    [ "$state" = passed ] || failures "$logs/$name.log"
    while IFS= read -r line; do
        echo "    skip that matches no test: $line"
    done <"$run/results/$name.stale"
}

what=$binary
[ "$oracle" = no ] || what="$server (oracle)"
echo "server: $what"
"$server" --version 2>/dev/null | head -n 1 || true
# shellcheck disable=SC2059
printf "$format" unit ok err exc skip secs result

slot_pid=()
slot_unit=()
# wait_slot waits until some slot is free, shows what was in it, and names it in slot.
wait_slot() {
    local i
    while :; do
        for ((i = 0; i < jobs; i++)); do
            if [ -z "${slot_pid[i]-}" ]; then
                slot=$i
                return
            fi
            if ! kill -0 "${slot_pid[i]}" 2>/dev/null; then
                wait "${slot_pid[i]}" || exit 2
                slot_pid[i]=
                show "${slot_unit[i]}"
                slot=$i
                return
            fi
        done
        wait -n "${slot_pid[@]}" || true
    done
}
for u in "${units[@]}"; do
    wait_slot
    run_unit "$u" "$slot" &
    slot_pid[slot]=$!
    slot_unit[slot]=$u
done
for ((i = 0; i < jobs; i++)); do
    if [ -n "${slot_pid[i]-}" ]; then
        wait "${slot_pid[i]}" || exit 2
        show "${slot_unit[i]}"
    fi
done

echo "logs: $logs"
[ "$keep" = no ] || echo "folders: $run"
[ "$bad" -eq 0 ] || echo "units that must pass and did not: $bad"
echo "$passed passed, $failed failed"
if [ "$oracle" = no ] && [ "$bad" -gt 0 ]; then
    exit 1
fi
if [ "$strict" = yes ] && [ "$any_failed" = yes ]; then
    exit 1
fi
