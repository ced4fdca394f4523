#!/usr/bin/env bash
# Installs the Debian packages that tests and scripts need, if they are missing.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: scripts/deps.sh [package...]

Makes sure that these packages are there (default: redis-server redis-tools, which
the tests compare with). Present ones are left alone and cost nothing. A freshly
installed redis-server is neither started nor enabled: the tests start their own.

Needs root or sudo only when something is missing.
USAGE
}

# command_of names a command by which a package is recognised without dpkg.
command_of() {
    case $1 in
    redis-server) echo redis-server ;;
    redis-tools) echo redis-cli ;;
    tcl) echo tclsh ;;
    dpkg-dev) echo dpkg-source ;;
    procps) echo pgrep ;;
    nodejs) echo node ;;
    *) echo "$1" ;;
    esac
}

die() {
    echo "deps: $*" >&2
    exit 2
}

case ${1-} in
-h | --help)
    usage
    exit 0
    ;;
-*)
    usage >&2
    exit 2
    ;;
esac

if [ $# -eq 0 ]; then
    set -- redis-server redis-tools
fi

missing=()
for p in "$@"; do
    case $p in
    tcl-tls) tclsh <<<'exit [catch {package require tls}]' >/dev/null 2>&1 ;; # a library
    *) command -v "$(command_of "$p")" >/dev/null 2>&1 ;;
    esac || missing+=("$p")
done
[ ${#missing[@]} -gt 0 ] || exit 0

command -v apt-get >/dev/null || die "missing: ${missing[*]}; no apt-get here, install them by hand"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "missing: ${missing[*]}; run as root, or: apt-get install ${missing[*]}"
    as_root=(sudo)
fi

echo "deps: installing ${missing[*]}"

# Debian starts a service when its package is installed. policy-rc.d is Debian's way
# to forbid that; 101 means "not allowed". An existing policy is left in force.
policy=/usr/sbin/policy-rc.d
made_policy=no
cleanup() {
    if [ "$made_policy" = yes ]; then
        "${as_root[@]}" rm -f "$policy"
    fi
}
trap cleanup EXIT
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    made_policy=yes
    "${as_root[@]}" chmod 755 "$policy"
fi

"${as_root[@]}" apt-get update -q
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"

# It is not running; keep it from starting with the machine, where systemd is there.
for p in "${missing[@]}"; do
    if [ "$p" = redis-server ] && [ -d /run/systemd/system ]; then
        "${as_root[@]}" systemctl disable -q redis-server.service || true
    fi
done
