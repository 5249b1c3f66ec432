#!/bin/sh
# Installs what is missing, quietly: Debian packages, and npm packages as the lock files say.
# SPDX-License-Identifier: Apache-2.0
#
#   packages.sh [PACKAGE]...      further Debian packages, as make test, lint and fuzz want them
#
# Some of the packages are servers. They are wanted as programs only: nothing that
# this script installs is started, now or when the machine starts, or changes an
# Apache that the machine already has.
set -eu
cd "$(dirname "$0")/../.."

packages="gcc make pkg-config apache2-bin apache2-dev apache2-utils libapr1-dev libaprutil1-dev
    libcurl4-openssl-dev libjansson-dev libhiredis-dev libjwt-dev libcunit1-dev libhyperscan-dev
    libssl-dev openssl redis-server ca-certificates curl chromium fonts-noto-cjk rpm prometheus wrk procps tzdata $*"

say() {
    echo "make deps: $*" >&2
}

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing() {
    # One question about all of them is quick; only a "no" is worth one about each.
    # shellcheck disable=SC2086
    if ! dpkg-query -W -f '${db:Status-Status}\n' $packages 2>/dev/null | grep -qvx installed &&
        dpkg-query -W $packages >/dev/null 2>&1; then
        return
    fi
    for package in $packages; do
        is_installed "$package" || printf ' %s' "$package"
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# Debian asks this file whether a package may start its services; 101 is "no".
policy=/usr/sbin/policy-rc.d
forbid_services() {
    if [ ! -e $policy ]; then
        trap 'as_root rm -f $policy' EXIT
        trap 'exit 1' INT TERM
        printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
        as_root chmod 755 $policy
    fi
}

apt() {
    as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq -o Dpkg::Use-Pty=0 "$@"
}

# A slapd without a configuration: no directory is made, and none can be served.
forbid_directory() {
    case " $1 " in *" slapd "*) ;; *) return ;; esac
    if command -v debconf-set-selections >/dev/null; then
        echo "slapd slapd/no_configuration boolean true" | as_root debconf-set-selections
    fi
}

# A module that comes as a package of its own is switched on in the machine's Apache,
# if there is one. The tests load it by its path.
enabled=/etc/apache2/mods-enabled
restore_modules() {
    for module in "$enabled"/auth_openidc.*; do
        case "$1" in *" $module "*) continue ;; esac
        if [ -e "$module" ] && [ "$module" != "$enabled/auth_openidc.*" ]; then
            as_root rm -f "$module"
        fi
    done
}

install_debian() {
    if ! command -v apt-get >/dev/null; then
        say "this is not Debian; install what these packages hold:$1"
        exit 1
    fi
    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
        say "run as root once, or install:$1"
        exit 1
    fi
    say "installing$1"
    forbid_services
    forbid_directory "$1"
    before=" $(echo "$enabled"/auth_openidc.*) "
    apt update >&2
    # shellcheck disable=SC2086
    apt install --no-install-recommends $1 >&2
    restore_modules "$before"
}

# npm leaves a copy of the lock file in node_modules when it has finished.
install_npm() {
    lock=$1/package-lock.json
    done=$1/node_modules/.package-lock.json
    if [ ! -e "$lock" ] || [ "$done" -nt "$lock" ]; then
        return
    fi
    say "npm ci in $1"
    (cd "$1" && npm ci --silent --ignore-scripts >&2)
    touch "$done"
}

# Two that start at once must not install at once.
mkdir -p build
exec 9>build/.deps.lock
flock 9

if command -v node >/dev/null && command -v npm >/dev/null; then
    :
else
    packages="$packages nodejs npm"
fi
list=$(missing)
if [ -n "$list" ]; then
    install_debian "$list"
fi
install_npm admin-ui
install_npm conf/tokens
install_npm tests
