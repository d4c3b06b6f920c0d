#!/usr/bin/env bash
# Provides COMMAND from Debian's PACKAGE: nothing to do when it is on PATH, else installed when this is root with apt.
# usage: debian_package.sh COMMAND [PACKAGE]     (PACKAGE is COMMAND's own name unless given)
set -euo pipefail

command=$1
package=${2:-$1}

if command -v "$command" >/dev/null; then
    exit 0
fi
if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
    echo "$command is missing; installing Debian's package $package needs root and apt-get." >&2
    exit 1
fi
echo "Installing Debian's package $package, for $command ..."
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 "$package"; } \
    >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "apt-get could not install $package." >&2
    exit 1
fi
command -v "$command" >/dev/null
