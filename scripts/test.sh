#!/usr/bin/env bash
# The whole test suite, after fetching what its parts need; arguments go to pytest (`-n 0` for one process, as for --pdb).
# What can't be had is named, and the tests that need it are skipped with the reason, or fail if CI_REQUIRE_ALL=1.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

prepare() {
    local purpose=$1
    shift
    echo "[test] preparing $purpose"
    if ! "$@"; then
        if [[ ${CI_REQUIRE_ALL:-} == 1 ]]; then
            echo "[test] $purpose could not be prepared, and CI_REQUIRE_ALL=1 asks for everything." >&2
            exit 1
        fi
        echo "[test] going on without $purpose: the tests that need it are skipped." >&2
    fi
}

# shellcheck disable=SC2329  # called by prepare
real_minio() {
    SAGEMAKER_EMULATOR_MINIO=$(scripts/minio.sh | tail -n 1) || return 1
    export SAGEMAKER_EMULATOR_MINIO
}

# shellcheck disable=SC2329  # called by prepare
compose() { docker compose version >/dev/null 2>&1 || scripts/debian_package.sh docker-compose; }

# The others install many packages and are built by test_clients.sh.
prepare "the base image and the sample containers" \
    .venv/bin/python scripts/images.py logistic_regression show_contract
prepare "a real MinIO" real_minio
prepare "FUSE" scripts/debian_package.sh fusermount3 fuse3
prepare "a real registry" scripts/debian_package.sh docker-registry
prepare "docker-compose" compose

# Three at once also on two cores, because most wait for containers. A file's tests stay together, because they share
# servers; slow files come first.
side_by_side=(-n 3 --dist loadfile --no-loadscope-reorder)

echo "[test] as $(id -un)"
code=0
.venv/bin/python -m pytest "${side_by_side[@]}" "$@" || code=$?
if [[ $(id -u) == 0 ]]; then
    echo "[test] once more as an ordinary user: what depends on the user (marker ordinary_user)"
    user_code=0
    scripts/as_ordinary_user.sh python -m pytest -p no:cacheprovider -m ordinary_user "${side_by_side[@]}" "$@" ||
        user_code=$?
    # 5: the arguments name no such test.
    [[ $code != 0 || $user_code == 5 ]] || code=$user_code
fi
exit "$code"
