#!/usr/bin/env bash
# Runs every client of tests/clients for real, each in an environment of its own; arguments go to pytest. Environments are
# kept in the cache directory, named after what they hold. What can't be had is named, and its tests are skipped with the
# reason, or fail if CI_REQUIRE_ALL=1.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cache=${XDG_CACHE_HOME:-$HOME/.cache}/sagemaker-training-emulator/clients
clients=$PWD/tests/clients

say() { echo "[clients] $*"; }

# usage: environment CLIENT MAKER FILE...   prints the directory, which MAKER fills at the first time
environment() {
    local client=$1 maker=$2 directory hash
    shift 2
    hash=$({ cat "$@"; uname -m; .venv/bin/python --version; } | sha256sum | cut -c1-12)
    directory=$cache/$client-$hash
    mkdir -p "$cache"
    (
        flock 9
        if [[ ! -e $directory/complete ]]; then
            rm -rf "$directory"
            mkdir "$directory"
            "$maker" "$directory" "$@" && touch "$directory/complete"
        fi
    ) 9>"$directory.lock" >&2 && echo "$directory"
}

python_packages() {
    say "installing what ${2#"$PWD/"} lists"
    .venv/bin/python -m venv "$1" &&
        "$1/bin/pip" install --quiet --disable-pip-version-check --requirement "$2"
}

node_packages() {
    say "installing what ${3#"$PWD/"} lists"
    cp "$2" "$3" "$1" && npm ci --silent --no-audit --no-fund --prefix "$1"
}

# An AWS CLI of version 2 is no Python package: the one on PATH, else Debian's.
aws_cli_v2() {
    if [[ $(aws --version 2>/dev/null) == aws-cli/2.* ]]; then
        command -v aws
    else
        scripts/debian_package.sh /usr/bin/aws awscli >&2 && [[ $(/usr/bin/aws --version) == aws-cli/2.* ]] && echo /usr/bin/aws
    fi
}

# usage: prepare VARIABLE COMMAND ...   exports what COMMAND prints; the tests skip or fail where it is not set
prepare() {
    local variable=$1 value
    shift
    if value=$("$@"); then
        export "$variable=$value"
    else
        say "$variable could not be prepared" >&2
    fi
}

for client in sdk_v2 sdk_v3 aws_cli; do
    prepare "CLIENT_${client^^}" environment "$client" python_packages "$clients/$client/requirements.txt"
done
prepare CLIENT_JAVASCRIPT environment javascript node_packages "$clients"/javascript/package{,-lock}.json
prepare CLIENT_AWS_CLI_V2 aws_cli_v2

say "building the images of sample_containers/"
if ! { .venv/bin/python scripts/images.py && .venv/bin/python scripts/images.py script_mode_torch; } && [[ ${CI_REQUIRE_ALL:-} == 1 ]]; then
    exit 1
fi
# Three at once, each with an emulator of its own, because the SDKs wait half a minute between two looks.
.venv/bin/python -m pytest tests/clients -n 3 --dist worksteal "$@"
