"""State changes, delivered to a real HTTP server."""

import math
import threading
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from emulator.compute.fake import FakeBackend, Script
from tests.support.emulator_server import job_request, running_emulator, wait_for_status, wait_until
from tests.support.webhook import webhook

STATUSES = ["Starting", "Downloading", "Training", "Uploading", "Completed"]


def train(running: Any, *names: str) -> None:
    sagemaker = running.client("sagemaker")
    running.client("s3").create_bucket(Bucket="artifacts")
    for name in names:
        sagemaker.create_training_job(**job_request(name, Tags=[{"Key": "team", "Value": "a"}]))
    for name in names:
        wait_for_status(sagemaker, name, "Completed")


def test_every_status_of_every_job_is_told_once_and_in_order(tmp_path: Path) -> None:
    with webhook() as hook, running_emulator(tmp_path, FakeBackend(), events_url=hook.url) as running:
        train(running, "one", "two")
        for name in ("one", "two"):
            wait_until(lambda name=name: hook.statuses(name) == STATUSES)
        assert len(hook.taken) == 10
        last = next(e for e in reversed(hook.taken) if e["detail"]["TrainingJobName"] == "two")
        assert last["resources"] == ["arn:aws:sagemaker:us-east-1:123456789012:training-job/two"]
        assert last["detail-type"] == "SageMaker Training Job State Change"
        assert last["detail"]["TrainingJobStatus"] == "Completed"
        assert last["detail"]["Tags"] == {"team": "a"}


@pytest.mark.parametrize("fault", [500, 429, 0])
def test_an_event_is_sent_again_until_it_is_taken(tmp_path: Path, fault: int) -> None:
    with (
        webhook(lambda call: fault if call % 3 else 204) as hook,
        running_emulator(tmp_path, FakeBackend(), events_url=hook.url) as running,
    ):
        train(running, "job")
        wait_until(lambda: hook.statuses("job") == STATUSES)
        assert hook.calls == 13


@pytest.mark.parametrize(("answer", "calls"), [(400, 5), (302, 5), (503, 30)])
def test_what_nobody_takes_is_dropped_and_logged_and_the_job_does_not_care(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, answer: int, calls: int
) -> None:
    with (
        webhook(lambda call: answer) as hook,
        running_emulator(tmp_path, FakeBackend(), events_url=hook.url) as running,
    ):
        train(running, "job")
        wait_until(lambda: hook.calls == calls)
        hook.answer = lambda call: 200
        train(running, "next")
        wait_until(lambda: hook.statuses("next") == STATUSES)
        assert hook.statuses("job") == []
    dropped = [record.getMessage() for record in caplog.records if "dropped" in record.getMessage()]
    assert dropped == [
        f"The event that job is {status} was dropped: 127.0.0.1: it answered {answer}." for status in STATUSES
    ]


def test_a_webhook_that_is_not_there_harms_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with running_emulator(tmp_path, FakeBackend(), events_url="http://127.0.0.1:1/") as running:
        train(running, "job")
        wait_until(lambda: "ConnectError" in caplog.text)


def test_a_webhook_that_never_answers_is_given_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emulator.events.event_feed.TIMEOUT", 0.05)
    released = threading.Event()

    def wait(call: int) -> int:
        released.wait()
        return 200

    with (
        webhook(wait) as hook,
        running_emulator(tmp_path, FakeBackend(), events_url=hook.url) as running,
    ):
        hook.lock = nullcontext()
        train(running, "job")
        wait_until(lambda: "is Completed was dropped" in caplog.text)
        released.set()
    assert "Timeout" in caplog.text


def test_a_restart_neither_loses_nor_repeats(tmp_path: Path) -> None:
    backend = FakeBackend({"algo-1": Script(after=math.inf, exit_code_on_sigterm=0)})
    with webhook() as hook:
        with running_emulator(tmp_path, backend, events_url=hook.url, time_scale=1.0) as first:
            first.client("s3").create_bucket(Bucket="artifacts")
            first.client("sagemaker").create_training_job(**job_request("job"))
            wait_until(lambda: hook.statuses("job") == STATUSES[:3])
            hook.answer = lambda call: 503
            first.client("sagemaker").stop_training_job(TrainingJobName="job")
            refused = hook.calls
            wait_until(lambda: hook.calls > refused)
        hook.answer = lambda call: 200
        with running_emulator(tmp_path, backend, events_url=hook.url) as second:
            wait_for_status(second.client("sagemaker"), "job", "Stopped")
            wait_until(lambda: hook.statuses("job")[-1:] == ["Stopped"])
        assert hook.statuses("job") == [*STATUSES[:3], "Stopping", "Uploading", "Stopped"]


def test_history_is_not_told_where_nobody_listened(tmp_path: Path) -> None:
    with running_emulator(tmp_path, FakeBackend()) as first:
        train(first, "before")
    with webhook() as hook:
        with running_emulator(tmp_path, FakeBackend(), events_url=hook.url) as second:
            second.client("sagemaker").create_training_job(**job_request("now"))
            wait_until(lambda: hook.statuses("now") == STATUSES)
        with running_emulator(tmp_path, FakeBackend()) as third:
            train(third, "between")
        with running_emulator(tmp_path, FakeBackend(), events_url=hook.url) as fourth:
            fourth.client("sagemaker").create_training_job(**job_request("later"))
            wait_until(lambda: hook.statuses("later") == STATUSES)
        assert {event["detail"]["TrainingJobName"] for event in hook.taken} == {"now", "later"}
