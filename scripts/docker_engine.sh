#!/usr/bin/env bash
# A Docker Engine for this project: the one that answers, or else one that is started here.
#
#   docker_engine.sh start              an Engine answers after this, or the exit code is 1 with the reason
#   docker_engine.sh stop               ends an Engine that this script started, and no other
#   docker_engine.sh status             says whether one answers, and whose it is
#   docker_engine.sh run COMMAND ...    start, COMMAND, and at the end stop what was started for it; runs may be
#                                       nested or side by side, the last one to end stops the Engine
#
# DOCKER_HOST is honoured. ENGINE_DIR holds the process id, the log and the locks of a started Engine; ENGINE_OPTIONS are
# further options of dockerd.
set -euo pipefail

scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
engine_dir=${ENGINE_DIR:-/run/sagemaker-training-emulator/engine}
pid_file=$engine_dir/dockerd.pid
log_file=$engine_dir/dockerd.log
kept_file=$engine_dir/kept
start_limit_seconds=60
stop_limit_seconds=60

say() { echo "[engine] $*"; }

# Without a Docker client the question is asked on the socket itself.
engine_answers() {
    if command -v docker >/dev/null; then
        docker version >/dev/null 2>&1
    else
        python3 - "${DOCKER_HOST:-unix:///var/run/docker.sock}" >/dev/null 2>&1 <<'PY'
import socket, sys
with socket.socket(socket.AF_UNIX) as engine:
    engine.settimeout(10)
    engine.connect(sys.argv[1].removeprefix("unix://"))
    engine.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
    sys.exit(b" 200 " not in engine.recv(64))
PY
    fi
}

started_here() {
    [[ -s $pid_file ]] && [[ $(cat "/proc/$(cat "$pid_file")/comm" 2>/dev/null) == dockerd ]]
}

why_it_cannot_start() {
    if [[ $(uname -s) != Linux ]]; then
        echo "it can be started from here on Linux only"
    elif [[ $(id -u) != 0 ]]; then
        echo "starting one needs root"
    elif [[ -n ${DOCKER_HOST:-} && $DOCKER_HOST != unix://* ]]; then
        echo "DOCKER_HOST points elsewhere: $DOCKER_HOST"
    elif ! command -v dockerd >/dev/null && ! command -v apt-get >/dev/null; then
        echo "dockerd is not installed, and there is no apt-get to install it with"
    fi
}

launch_dockerd() {
    mkdir -p "$engine_dir"
    rm -f "$pid_file"
    # Its own session: a Ctrl-C meant for the command that uses the Engine must not end the Engine first.
    # shellcheck disable=SC2086
    setsid dockerd --host "${DOCKER_HOST:-unix:///var/run/docker.sock}" --pidfile "$pid_file" ${ENGINE_OPTIONS:-} \
        >"$log_file" 2>&1 </dev/null 7>&- 8>&- 9>&- &
    local launched=$!
    for ((second = 0; second < start_limit_seconds; second++)); do
        sleep 1
        if engine_answers; then
            say "started dockerd, process $(cat "$pid_file"); its log is $log_file"
            return 0
        fi
        kill -0 "$launched" 2>/dev/null || break
    done
    say "dockerd did not answer; the end of $log_file:" >&2
    tail -n 15 "$log_file" >&2
    kill "$launched" 2>/dev/null || true
    return 1
}

ensure_engine() {
    if engine_answers; then
        return 0
    fi
    local hindrance
    hindrance=$(why_it_cannot_start)
    if [[ -n $hindrance ]]; then
        say "no Docker Engine answers, and $hindrance." >&2
        say "Start Docker (on Debian: apt-get install docker.io iptables; dockerd), or point DOCKER_HOST to one." >&2
        return 1
    fi
    say "no Docker Engine answers: one is started here"
    "$scripts/debian_package.sh" dockerd docker.io &&
        "$scripts/debian_package.sh" iptables &&
        launch_dockerd
}

start_once() {
    mkdir -p "$engine_dir" 2>/dev/null || { ensure_engine; return; }
    exec 8>"$engine_dir/start.lock"
    flock 8
    local code=0
    ensure_engine || code=$?
    exec 8>&-
    return "$code"
}

stop_dockerd() {
    local pid
    pid=$(cat "$pid_file")
    kill "$pid"
    for ((tenth = 0; tenth < stop_limit_seconds * 10; tenth++)); do
        if ! kill -0 "$pid" 2>/dev/null; then
            rm -f "$pid_file" "$kept_file"
            say "stopped the dockerd that was started here"
            return 0
        fi
        sleep 0.1
    done
    say "dockerd, process $pid, is still ending after $stop_limit_seconds s; its log is $log_file" >&2
    return 1
}

stop_after_last_user() {
    if flock -xn 9 && started_here && [[ ! -e $kept_file ]]; then
        stop_dockerd
    fi
}

# The Docker SDK reads DOCKER_HOST but not the client's contexts (Docker Desktop, Colima, rootless Docker).
export_context_host() {
    if [[ -z ${DOCKER_HOST:-} ]] && command -v docker >/dev/null; then
        local host
        host=$(docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null || true)
        if [[ -n $host ]]; then
            export DOCKER_HOST=$host
        fi
    fi
}

run() {
    if engine_answers && ! started_here; then
        export_context_host
        exec "$@"
    fi
    mkdir -p "$engine_dir" 2>/dev/null || { ensure_engine; return 1; }
    exec 9>"$engine_dir/users.lock"
    flock -s 9
    start_once
    trap stop_after_last_user EXIT
    # In the background, because bash looks at a signal only between foreground commands; a background command of a
    # script would ignore Ctrl-C, hence --default-signal.
    env --default-signal=INT,QUIT "$@" <&0 9>&- &
    command_pid=$!
    trap 'kill -TERM "$command_pid" 2>/dev/null || true' TERM
    trap : INT
    await_command
}

await_command() {
    local code=0
    while true; do
        wait "$command_pid" && return 0 || code=$?
        kill -0 "$command_pid" 2>/dev/null || return "$code"
    done
}

start() {
    if engine_answers; then
        say "a Docker Engine answers: it is used as it is"
    else
        start_once
    fi
    if started_here; then
        touch "$kept_file"
    fi
}

stop() {
    if started_here; then
        stop_dockerd
    else
        say "no Docker Engine was started here: nothing to stop"
    fi
}

status() {
    if ! engine_answers; then
        say "no Docker Engine answers"
        return 1
    elif started_here; then
        say "a Docker Engine answers, started here as process $(cat "$pid_file")"
    else
        say "a Docker Engine answers, not started here"
    fi
}

case ${1:-} in
    start | stop | status) "$1" ;;
    run) shift && run "$@" ;;
    *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" && exit 2 ;;
esac
