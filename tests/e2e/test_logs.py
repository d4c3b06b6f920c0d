"""Container output in CloudWatch Logs."""

from tests.e2e.training_client import GROUP, TrainingClient

EVENT_BYTES = 262_144 - 26
LINES = 20_000


def python(code: str) -> dict[str, list[str]]:
    return {"ContainerEntrypoint": ["python3", "-c", code]}


def test_long_line_becomes_events_that_make_it_up(emulator: TrainingClient) -> None:
    code = "print('begin'); print(''.join(f'{n:07d}' for n in range(150_000))); print('end')"
    job = emulator.train(algorithm=python(code))
    first, *parts, last = emulator.lines(job["TrainingJobName"])
    assert (first, last) == ("begin", "end")
    assert "".join(parts) == "".join(f"{n:07d}" for n in range(150_000))
    assert max(map(len, parts)) <= EVENT_BYTES


def test_binary_output_is_kept_as_text(emulator: TrainingClient) -> None:
    code = "import sys; sys.stdout.buffer.write(b'\\x00\\xff\\xfe junk \\x1b[0m\\n\\xc3\\x28\\nafter\\n')"
    job = emulator.train(algorithm=python(code))
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert emulator.lines(job["TrainingJobName"]) == ["#000\ufffd\ufffd junk #033[0m", "\ufffd(", "after"]


def test_tab_and_carriage_return(emulator: TrainingClient) -> None:
    code = "import sys; sys.stdout.write('a\\tb\\r\\n10%\\r20%\\n')"
    job = emulator.train(algorithm=python(code))
    assert emulator.lines(job["TrainingJobName"]) == ["a#011b", "10%#01520%"]


def test_both_outputs_are_in_one_stream_and_the_last_line_needs_no_end(emulator: TrainingClient) -> None:
    code = "import sys; print('to stdout', flush=True); sys.stderr.write('to stderr'); sys.exit(0)"
    job = emulator.train(algorithm=python(code))
    assert sorted(emulator.lines(job["TrainingJobName"])) == ["to stderr", "to stdout"]


def test_many_lines_keep_their_order(emulator: TrainingClient) -> None:
    job = emulator.train(algorithm=python(f"for n in range({LINES}): print(n)"))
    events = emulator.events(job["TrainingJobName"])
    assert [event["message"] for event in events] == [str(n) for n in range(LINES)]
    times = [event["timestamp"] for event in events]
    assert times == sorted(times)


def test_line_can_be_read_before_the_container_ends(emulator: TrainingClient) -> None:
    name = emulator.create({"on_sigterm": "save", "run": "echo loss=0.5", "sleep": "600"}, instances=2)
    for host in ("algo-1", "algo-2"):
        emulator.wait_for_line(name, "loss=0.5", host)
    found = emulator.logs.filter_log_events(
        logGroupName=GROUP, logStreamNamePrefix=f"{name}/", filterPattern='"loss"'
    )
    assert [event["message"] for event in found["events"]] == ["loss=0.5", "loss=0.5"]
    assert emulator.describe(name)["SecondaryStatus"] == "Training"
    emulator.stop(name)
    assert emulator.wait(name)["SecondaryStatus"] == "Stopped"


def test_last_words_of_a_failing_host_are_kept(emulator: TrainingClient) -> None:
    code = "print('working', flush=True); raise SystemExit('Traceback: no such column')"
    job = emulator.train(algorithm=python(code))
    assert job["FailureReason"] == "AlgorithmError: , exit code: 1"
    assert sorted(emulator.lines(job["TrainingJobName"])) == ["Traceback: no such column", "working"]
