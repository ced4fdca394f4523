#!/usr/bin/env bash
# Checks configs/redisd.service and redisd.socket with systemd's own tools.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: scripts/check-units.sh

systemd-analyze verify on both units, with bin/redisd in the place of the installed
binary, and systemd-analyze security: the exposure must be below 2.5. Without
systemd-analyze on the machine it says so and passes.
USAGE
}

case ${1-} in
'') ;;
-h | --help)
    usage
    exit 0
    ;;
*)
    usage >&2
    exit 2
    ;;
esac

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
binary=$root/bin/redisd
if ! command -v systemd-analyze >/dev/null; then
    echo "units: no systemd-analyze here, not checked"
    exit 0
fi
[ -x "$binary" ] || {
    echo "units: $binary is not there; run 'make build'" >&2
    exit 2
}

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cp "$root/configs/redisd.socket" "$dir/"
sed "s#^ExecStart=/usr/bin/redisd #ExecStart=$binary #" "$root/configs/redisd.service" >"$dir/redisd.service"

# verify prints problems and may still exit with 0.
if ! out=$(systemd-analyze verify "$dir/redisd.service" "$dir/redisd.socket" 2>&1) || [ -n "$out" ]; then
    echo "$out" >&2
    echo "units: systemd-analyze verify complains" >&2
    exit 1
fi
if ! out=$(systemd-analyze security --no-pager --offline=true --threshold=25 "$dir/redisd.service" 2>&1); then
    echo "$out" >&2
    echo "units: the exposure is not below 2.5" >&2
    exit 1
fi
echo "units: verified,${out##*redisd.service:}"
