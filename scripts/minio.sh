#!/usr/bin/env bash
# Provides a real MinIO server and prints its path as the last line: nothing to do when it is there, else it is built
# with Go (3 to 4 minutes), because its project no longer publishes binaries.
set -euo pipefail

# The last commit of the archived project.
version=v0.0.0-20260212201848-7aac2a2c5b7c
directory=${XDG_CACHE_HOME:-$HOME/.cache}/sagemaker-training-emulator/bin
minio=$directory/minio

if [[ ! -x $minio ]]; then
    if ! command -v go >/dev/null; then
        echo "[minio] no MinIO in $directory, and no Go to build one with: the tests against a real MinIO can't run." >&2
        exit 1
    fi
    mkdir -p "$directory"
    exec 9>"$directory/minio.lock"
    if ! flock -n 9; then
        echo "[minio] another build is under way; waiting for it" >&2
        flock 9
    fi
fi
if [[ ! -x $minio ]]; then
    echo "[minio] building $version with $(go version | cut -d' ' -f3): 3 to 4 minutes, once" >&2
    staging=$(mktemp -d "$directory/build.XXXXXX")
    trap 'rm -rf "$staging"' EXIT
    if ! GOBIN=$staging go install -v "github.com/minio/minio@$version" 2>&1 9>&- | tee "$staging/log" |
        awk 'NR % 200 == 0 { print "[minio] step " NR; fflush() }' >&2; then
        tail -n 10 "$staging/log" >&2
        echo "[minio] the build failed: the tests against a real MinIO can't run." >&2
        exit 1
    fi
    mv "$staging/minio" "$minio"
fi
echo "$minio"
