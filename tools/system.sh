#!/bin/sh
# Install what Python's packages cannot bring: `tools/system.sh uv compiler screen`.
# Debian and its relatives get what they lack; where that is not allowed, all of it is named at once.
set -eu
cd "$(dirname "$0")/.."
missing=

has_package() {  # Debian's change to 64-bit time renamed some: libglib2.0-0 -> libglib2.0-0t64
    dpkg-query -W -f '${db:Status-Status}\n' "$1" "$1t64" 2>/dev/null | grep -qx installed
}

need_command() { command -v "$1" >/dev/null || missing="$missing $2"; }

need_python() {  # what Debian takes out of Python; the package carries Python's version in its name
    "$python" -c "$1" 2>/dev/null || missing="$missing $("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')-$2"
}

find_missing() {
    case $1 in
    uv)
        tools/uv.sh --no-install >/dev/null || "$python" -m pip --version >/dev/null 2>&1 ||
            need_python 'import ensurepip' venv
        ;;
    compiler)  # pydensecrf2 is built from source
        need_command g++ g++
        need_python 'import os, sysconfig; os.stat(sysconfig.get_path("include") + "/Python.h")' dev
        ;;
    screen)  # a screen in memory, and what Qt 6 and OpenGL ask of the system
        need_command Xvfb xvfb
        command -v dpkg-query >/dev/null || return 0
        for package in libegl1 libgl1 libgl1-mesa-dri libdbus-1-3 libfontconfig1 libglib2.0-0 \
            libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 \
            libxcb-randr0 libxcb-render-util0 libxcb-shape0 libxcb-xfixes0 libxcb-xinerama0 libxcb-xkb1; do
            has_package "$package" || missing="$missing $package"
        done
        ;;
    *)
        echo "unknown need '$1'; known: uv, compiler, screen" >&2
        exit 2
        ;;
    esac
}

give_up() {
    echo "Missing on this system, and $1:$missing" >&2
    if command -v apt-get >/dev/null; then
        echo "An administrator installs them with" >&2
        echo "    sudo apt-get update && sudo apt-get install --no-install-recommends$missing" >&2
    else
        echo "(Debian's names; look for what provides the same)" >&2
    fi
    echo "Then give the same command again." >&2
    exit 1
}

[ "$(uname -s)" = Linux ] || exit 0  # elsewhere Python's packages bring all they need
python=$(tools/python.sh)
for need in "$@"; do find_missing "$need"; done
[ -n "$missing" ] || exit 0

command -v apt-get >/dev/null || give_up "there is no apt-get to install them"
as_root=
if [ "$(id -u)" != 0 ]; then
    as_root='sudo -n'
    $as_root apt-get --version >/dev/null 2>&1 || give_up "this account may not install them"
fi

apt() { $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 "$@" >/dev/null; }

echo "Installing system packages:$missing" >&2
apt update || true  # one unreachable source need not matter
# shellcheck disable=SC2086  # a list of names
apt install -y --no-install-recommends $missing || give_up "apt-get could not install them"
