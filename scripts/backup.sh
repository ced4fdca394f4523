#!/usr/bin/env bash
# Takes a checked copy of a running server's data: BGSAVE, wait, copy, check, rename.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: scripts/backup.sh [options] DESTINATION

Makes the server save in the background, waits until that save is done, copies the
RDB file to DESTINATION/dump-<UTC time>.rdb, and checks the copy. The file gets its
name only when it is whole, checked and on the disk: what has the name is a backup.

  -h HOST          server (default 127.0.0.1)
  -p PORT          port (default 6379)
  -s SOCKET        unix socket instead
  --file PATH      the server's RDB file, when CONFIG GET is not allowed
  --check COMMAND  checker (default: redisd check-rdb, else redis-check-rdb)
  --timeout SEC    limit for the save (default 3600)
  --keep N         remove the oldest backups beyond N (default: keep all)
  --help           this text

The password comes from the variable REDISCLI_AUTH, as for redis-cli. Runs on the
server's machine, as a user who may read its data folder. Prints the file's name.

Exit status: 0; 1 when there is no new backup (a line on stderr says why).
USAGE
}

die() {
    echo "backup: $*" >&2
    exit 1
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cli=(redis-cli --no-auth-warning)
host=127.0.0.1
port=6379
socket=
rdb=
checker=()
limit=3600
keep=0
dest=
while [ $# -gt 0 ]; do
    case $1 in
    -h | -p | -s | --file | --check | --timeout | --keep) [ $# -ge 2 ] || die "$1 needs a value" ;;
    esac
    case $1 in
    -h) host=$2 && shift ;;
    -p) port=$2 && shift ;;
    -s) socket=$2 && shift ;;
    --file) rdb=$2 && shift ;;
    --check) read -r -a checker <<<"$2" && shift ;;
    --timeout) limit=$2 && shift ;;
    --keep) keep=$2 && shift ;;
    --help)
        usage
        exit 0
        ;;
    -*)
        usage >&2
        exit 2
        ;;
    *)
        [ -z "$dest" ] || die "one destination, not $dest and $1"
        dest=$1
        ;;
    esac
    shift
done
[ -n "$dest" ] || {
    usage >&2
    exit 2
}
case $limit$keep in *[!0-9]*) die "--timeout and --keep take whole numbers" ;; esac
command -v redis-cli >/dev/null || die "needs redis-cli"
if [ ! -d "$dest" ] || [ ! -w "$dest" ]; then
    die "$dest: not a folder that can be written"
fi
if [ ${#checker[@]} -eq 0 ]; then
    if command -v redisd >/dev/null; then
        checker=(redisd check-rdb)
    elif [ -x "$root/bin/redisd" ]; then
        checker=("$root/bin/redisd" check-rdb)
    elif command -v redis-check-rdb >/dev/null; then
        checker=(redis-check-rdb)
    else
        die "needs redisd or redis-check-rdb to check the copy"
    fi
fi
if [ -n "$socket" ]; then
    cli+=(-s "$socket")
else
    cli+=(-h "$host" -p "$port")
fi

# ask runs a command. redis-cli -e would turn an error reply into an exit status, but
# old ones do not know it; so the reply is looked at.
ask() {
    local out
    out=$("${cli[@]}" "$@" 2>&1) || die "$*: $out"
    case $out in
    'ERR '* | 'NOAUTH '* | 'NOPERM '* | 'MISCONF '* | 'WRONGPASS '* | 'LOADING '* | 'Could not connect'*)
        die "$*: $out"
        ;;
    esac
    printf '%s\n' "$out"
}

info() { ask INFO persistence | tr -d '\r' | sed -n "s/^$1://p"; }

# second is the second of LASTSAVE, by the server's clock.
second() { ask TIME | sed -n 1p; }

begin=$SECONDS
in_time() { [ $((SECONDS - begin)) -lt "$limit" ] || die "$1 after $limit seconds"; }

# A save that runs already began before this backup was asked for: it may miss the
# newest writes. Wait for it, then start one.
while :; do
    running=$(info rdb_bgsave_in_progress)
    [ "$running" = 1 ] || break
    in_time "another save still runs"
    sleep 0.2
done
# The time of a save counts in seconds, and ours must be told from one that ended just
# now.
before=$(info rdb_last_save_time)
while :; do
    now=$(second)
    [ "$now" -le "$before" ] || break
    in_time "the server's clock does not pass its last save"
    sleep 0.1
done

# SCHEDULE: while the append-only file is rewritten, the save comes next. Until it has
# begun, the status is that of an older save.
reply=$(ask BGSAVE SCHEDULE)
begun=yes
case $reply in *scheduled*) begun=no ;; esac
while :; do
    now=$(info rdb_last_save_time)
    running=$(info rdb_bgsave_in_progress)
    status=$(info rdb_last_bgsave_status)
    rewriting=$(info aof_rewrite_in_progress)
    if [ "$now" -gt "$before" ] && [ "$running" = 0 ]; then
        break
    fi
    if [ "$begun" = yes ] && [ "$running" = 0 ] && [ "$status" != ok ]; then
        die "the save failed; the server's log says why"
    fi
    in_time "the save is not done"
    sleep 0.3
    # A scheduled save starts within a beat or two of the rewrite's end.
    if [ "$running" = 1 ] || [ "$rewriting" = 0 ]; then
        begun=yes
    fi
done

if [ -z "$rdb" ]; then
    dir=$(ask CONFIG GET dir | sed -n 2p)
    name=$(ask CONFIG GET dbfilename | sed -n 2p)
    if [ -z "$dir" ] || [ -z "$name" ]; then
        die "CONFIG GET gives no dir and dbfilename; use --file"
    fi
    rdb=$dir/$name
fi
[ -r "$rdb" ] || die "$rdb: cannot be read"

# The copy has a name of its own until it is known to be good. The server renames
# complete files into place, so what is opened here stays whole even when the next
# save ends meanwhile.
part=$(mktemp "$dest/.backup.XXXXXX")
trap 'rm -f "$part"' EXIT
cp -- "$rdb" "$part"
if ! report=$("${checker[@]}" "$part" 2>&1); then
    printf '%s\n' "$report" >&2
    die "the copy of $rdb is not sound"
fi
sync -- "$part"
while final=$dest/dump-$(date -u +%Y%m%dT%H%M%SZ).rdb && [ -e "$final" ]; do
    sleep 0.2 # another backup of this very second
done
mv -n -- "$part" "$final"
[ ! -e "$part" ] || die "$final: not renamed"
sync -- "$dest"
trap - EXIT
echo "$final"

if [ "$keep" -gt 0 ]; then
    backups=("$dest"/dump-*Z.rdb) # in the order of their times
    old=$((${#backups[@]} - keep))
    for ((i = 0; i < old; i++)); do
        rm -f -- "${backups[i]}"
    done
fi
