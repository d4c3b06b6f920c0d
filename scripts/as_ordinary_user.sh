#!/usr/bin/env bash
# Runs COMMAND as an ordinary user who may use the Docker Engine, in a copy of this project that belongs to that user.
# For root only, and nothing is left behind: no account is made, and the copy is removed at the end.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

nobody=65534
original=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
project=$work/project
mkdir "$project" "$work/home" "$work/tmp"

socket=${DOCKER_HOST:-unix:///var/run/docker.sock}
docker_group=$(stat -c %g "${socket#unix://}" 2>/dev/null || echo $nobody)
# Through env, because setpriv itself still finds its command with root's rights.
as_user() { setpriv --reuid "$nobody" --regid "$nobody" --groups "$docker_group" --no-new-privs env "$@"; }

# The interpreter behind .venv may lie in a home directory that nobody else may enter; another one of the same minor
# version runs the same packages.
find_interpreter() {
    local own version
    own=$(.venv/bin/python -c 'import sys; print(sys._base_executable)')
    version=$(.venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    for candidate in "$own" "/usr/bin/python$version" "/usr/local/bin/python$version"; do
        if as_user "$candidate" -c 'import ssl, sqlite3' 2>/dev/null; then
            echo "$candidate"
            return 0
        fi
    done
    echo "[ordinary user] no Python $version that an ordinary user may run" >&2
    return 1
}

copy_project() {
    local interpreter=$1
    tar --exclude=./.git --exclude='./.*_cache' --exclude=__pycache__ -c . | tar -x -C "$project"
    local venv=$project/.venv
    rm -f "$venv"/bin/python*
    ln -s "$interpreter" "$venv/bin/python"
    ln -s python "$venv/bin/python3"
    sed -i "s|^home = .*|home = $(dirname "$interpreter")|; /^executable/d; /^command/d" "$venv/pyvenv.cfg"
    grep -lIrs "^#!.*/bin/python" "$venv/bin" | xargs -r sed -i "1s|^#!.*/bin/python[0-9.]*|#!$venv/bin/python|"
    grep -lFr --include='*.pth' "$original" "$venv/lib" | xargs -r sed -i "s|$original|$project|"
}

copy_minio() {
    local minio=${SAGEMAKER_EMULATOR_MINIO:-${XDG_CACHE_HOME:-$HOME/.cache}/sagemaker-training-emulator/bin/minio}
    if [[ -x $minio ]]; then
        install -D "$minio" "$work/home/.cache/sagemaker-training-emulator/bin/minio"
    fi
}

interpreter=$(find_interpreter)
copy_project "$interpreter"
copy_minio
chown -R "$nobody:$nobody" "$work"
cd "$project"
unset SAGEMAKER_EMULATOR_MINIO XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME XDG_RUNTIME_DIR
as_user HOME="$work/home" USER=nobody LOGNAME=nobody TMPDIR="$work/tmp" PYTHONDONTWRITEBYTECODE=1 \
    VIRTUAL_ENV="$project/.venv" PATH="$project/.venv/bin:$PATH" "$@"
