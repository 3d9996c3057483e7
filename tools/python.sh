#!/bin/sh
# Print the path of a Python >= 3.11: the one named by $PYTHON, else the first that PATH offers.
set -eu

for python in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14 python}; do
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        command -v "$python"
        exit
    fi
done

echo "No Python >= 3.11 found${PYTHON:+ (PYTHON=$PYTHON)}; install one or name it: make PYTHON=/path/to/python3" >&2
exit 1
