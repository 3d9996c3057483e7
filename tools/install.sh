#!/bin/sh
# Install into .venv, made at first use: `tools/install.sh --editable '.[all]' --group test`.
set -eu
cd "$(dirname "$0")/.."

unset UV_SYSTEM_PYTHON  # set in many containers; it contradicts --python

uv=$(tools/uv.sh)
if ! .venv/bin/python -c '' 2>/dev/null; then
    rm -rf .venv
    "$uv" venv --quiet --python "$(tools/python.sh)" .venv
fi
"$uv" pip install --python .venv/bin/python "$@"

if ! .venv/bin/python -c 'import torchvision' 2>.venv/torchvision.log; then
    tail -n 1 .venv/torchvision.log >&2
    echo "torch and torchvision do not fit each other: take both from one place, for instance with" >&2
    echo "    make clean, then the same command with UV_TORCH_BACKEND=cpu or UV_TORCH_BACKEND=auto" >&2
    exit 1
fi
