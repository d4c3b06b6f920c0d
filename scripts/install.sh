#!/usr/bin/env bash
# Makes a virtual environment at $1 from requirements-dev.lock, hashes checked, with this project in it (editable).
# PYTHON names the interpreter; if it is older than 3.11, newer ones on PATH are tried.
set -euo pipefail

venv=$1
scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

new_enough() { command -v "$1" >/dev/null && "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

for candidate in "${PYTHON:-python3}" python3.11 python3.12 python3.13 python3.14; do
    if new_enough "$candidate"; then
        python=$candidate
        break
    fi
done
if [[ -z ${python:-} ]]; then
    echo "[install] Python 3.11 or newer is needed; PYTHON=... names one." >&2
    exit 1
fi

if [[ ! -x $venv/bin/pip ]]; then
    # Debian packs the part of Python that fills a virtual environment on its own.
    if ! "$python" -c 'import ensurepip' 2>/dev/null; then
        "$scripts/debian_package.sh" ensurepip "python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv" || true
    fi
    echo "[install] making $venv with $("$python" --version)"
    "$python" -m venv "$venv"
fi
echo "[install] installing what requirements-dev.lock lists"
"$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.lock
"$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
