#!/usr/bin/env bash
# Installs redisd on this machine: binary, user, folders, configuration, systemd
# units, logrotate. Running it again upgrades the binary and keeps the configuration.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: scripts/install.sh [options]

  --binary PATH   what to install (default bin/redisd)
  --start         enable and (re)start the service afterwards
  --uninstall     stop the service and remove what was installed; configuration,
                  data, logs and the user stay
  --root DIR      install below DIR, as for a package: no user, no systemctl
  -h, --help      this text

Installs
  /usr/bin/redisd
  /etc/redisd/redisd.toml             (kept when it is there; the new one is .dist then)
  /lib/systemd/system/redisd.service, redisd.socket
  /etc/logrotate.d/redisd
  /var/lib/redisd, /var/log/redisd    owned by the user redisd
Needs root, unless --root names a folder of yours.
USAGE
}

die() {
    echo "install: $*" >&2
    exit 1
}

say() { echo "install: $*"; }

src=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
binary=$src/bin/redisd
root=
start=no
uninstall=no
while [ $# -gt 0 ]; do
    case $1 in
    --binary | --root) [ $# -ge 2 ] || die "$1 needs a value" ;;
    esac
    case $1 in
    --binary) binary=$2 && shift ;;
    --root) root=${2%/} && shift ;;
    --start) start=yes ;;
    --uninstall) uninstall=yes ;;
    -h | --help)
        usage
        exit 0
        ;;
    *)
        usage >&2
        exit 2
        ;;
    esac
    shift
done

if [ -z "$root" ] && [ "$(id -u)" -ne 0 ]; then
    die "needs root (or --root DIR)"
fi

# The unit folder of the distribution; /etc is for the administrator's own changes.
units=/lib/systemd/system
[ -d "$root/lib/systemd" ] || units=/usr/lib/systemd/system
live=no
if [ -z "$root" ] && [ -d /run/systemd/system ]; then
    live=yes
fi

if [ "$uninstall" = yes ]; then
    if [ "$live" = yes ]; then
        systemctl disable -q --now redisd.socket redisd.service 2>/dev/null || true
    fi
    rm -f "$root/usr/bin/redisd" "$root$units/redisd.service" "$root$units/redisd.socket" "$root/etc/logrotate.d/redisd"
    [ "$live" = no ] || systemctl daemon-reload
    say "removed; kept: /etc/redisd, /var/lib/redisd, /var/log/redisd, user redisd"
    exit 0
fi

[ -x "$binary" ] || die "$binary is not there; run 'make build'"

owner=()
if [ -z "$root" ]; then
    if ! getent group redisd >/dev/null; then
        groupadd --system redisd
        say "group redisd"
    fi
    if ! getent passwd redisd >/dev/null; then
        useradd --system --gid redisd --home-dir /var/lib/redisd --no-create-home \
            --shell /usr/sbin/nologin --comment "redisd" redisd
        say "user redisd"
    fi
    owner=(-o redisd -g redisd)
fi

# Installed under a name of its own and renamed: a running daemon keeps its file
# (and its children are of the same build), a new start gets the new one.
install -d -m 0755 "$root/usr/bin"
install -m 0755 "$binary" "$root/usr/bin/.redisd.new"
mv -f "$root/usr/bin/.redisd.new" "$root/usr/bin/redisd"
say "/usr/bin/redisd"

# The folder and the file belong to the daemon, because CONFIG REWRITE replaces the
# file; nobody else reads them, because they may hold passwords.
install -d -m 0750 "${owner[@]}" "$root/etc/redisd" "$root/var/lib/redisd" "$root/var/log/redisd"
conf=$root/etc/redisd/redisd.toml
if [ -e "$conf" ]; then
    install -m 0640 "${owner[@]}" "$src/configs/redisd.toml" "$conf.dist"
    say "/etc/redisd/redisd.toml kept; the new one is redisd.toml.dist"
else
    install -m 0640 "${owner[@]}" "$src/configs/redisd.toml" "$conf"
    say "/etc/redisd/redisd.toml"
fi

install -d -m 0755 "$root$units" "$root/etc/logrotate.d"
install -m 0644 "$src/configs/redisd.service" "$src/configs/redisd.socket" "$root$units/"
install -m 0644 "$src/configs/redisd.logrotate" "$root/etc/logrotate.d/redisd"
say "$units/redisd.service, redisd.socket; /etc/logrotate.d/redisd"

if [ "$live" = yes ]; then
    systemctl daemon-reload
    if [ "$start" = yes ]; then
        systemctl enable -q redisd.service
        systemctl restart redisd.service
        say "started; 'systemctl status redisd' shows it"
    else
        say "start it with: systemctl enable --now redisd"
    fi
elif [ "$start" = yes ]; then
    die "installed, but systemd does not run here: start /usr/bin/redisd by hand"
fi
