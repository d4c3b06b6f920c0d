#!/bin/sh
# The image's entry point: gives root up where the Docker socket's group may use the Engine, then runs the emulator.
set -eu

socket=${DOCKER_HOST:-unix:///var/run/docker.sock}
socket=${socket#unix://}
user=10001

# Mode 660 or more open: membership in the socket's group is enough.
group_may_use_socket() {
    case $(stat -c %a "$1") in
        *[67]?) true ;;
        *) false ;;
    esac
}

if [ "$(id -u)" = 0 ]; then
    if [ -S "$socket" ] && group_may_use_socket "$socket"; then
        data_dir=$SAGEMAKER_EMULATOR_DATA_DIR
        mkdir -p "$data_dir"
        [ "$(stat -c %u "$data_dir")" = "$user" ] || chown -R "$user:$user" "$data_dir"
        export HOME="$data_dir"
        exec setpriv --reuid "$user" --regid "$user" --groups "$(stat -c %g "$socket")" --no-new-privs \
            sagemaker-emulator "$@"
    fi
    echo "The group of $socket may not write to it, so the emulator runs as root." >&2
fi
exec sagemaker-emulator "$@"
