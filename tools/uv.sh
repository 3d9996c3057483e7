#!/bin/sh
# Print the path of a uv that knows --group: the one on PATH, else our own in .uv, made at first use
# unless --no-install is given.
set -eu
cd "$(dirname "$0")/.."

for uv in uv .uv/bin/uv; do
    if "$uv" pip install --help 2>/dev/null | grep -q -e --group; then
        command -v "$uv"
        exit
    fi
done
[ "${1-}" != --no-install ] || exit 1

unset PIP_USER PIP_TARGET PIP_PREFIX PIP_REQUIRE_VIRTUALENV  # a user's habits; here they only misplace uv
python=$(tools/python.sh)
rm -rf .uv
echo "Installing uv into .uv" >&2
if "$python" -c 'import ensurepip' 2>/dev/null; then
    "$python" -m venv .uv >&2
    .uv/bin/python -m pip install --quiet uv >&2
else  # Debian's python3-pip without its python3-venv
    "$python" -m pip install --quiet --target .uv uv >&2
fi
echo .uv/bin/uv
