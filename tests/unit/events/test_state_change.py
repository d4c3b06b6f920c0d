from dataclasses import replace
from datetime import timedelta

from emulator.domain.status import SecondaryStatus as S
from emulator.domain.stop_reason import StopReason
from emulator.events.state_change import state_change
from tests.support.builders import ACCOUNT, REGION, a_progress, a_training_job
from tests.support.clock import START

FAILED = a_progress(S.DOWNLOADING, S.TRAINING, S.UPLOADING, S.FAILED, failure_reason="AlgorithmError: x")


def test_an_event_has_eventbridges_shape() -> None:
    job = a_training_job("Train-1", FAILED)
    event = state_change(job, {"team": "a"}, 4)
    detail = event.pop("detail")
    identity = event.pop("id")
    assert event == {
        "version": "0",
        "detail-type": "SageMaker Training Job State Change",
        "source": "aws.sagemaker",
        "account": ACCOUNT,
        "time": "2024-05-06T07:08:49Z",
        "region": REGION,
        "resources": [f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/train-1"],
    }
    assert len(identity) == 36
    assert detail["TrainingJobName"] == "Train-1"
    assert (detail["TrainingJobStatus"], detail["SecondaryStatus"]) == ("Failed", "Failed")
    assert detail["FailureReason"] == "AlgorithmError: x"
    assert detail["CreationTime"] == "1714979289123"
    assert detail["TrainingEndTime"] == "1714979329123"
    assert detail["SecondaryStatusTransitions"][-1]["StartTime"] == "1714979329123"
    assert detail["Tags"] == {"team": "a"}


def test_an_earlier_event_does_not_know_what_came_later() -> None:
    job = a_training_job("Train-1", FAILED)
    first, third = (state_change(job, {}, index)["detail"] for index in (0, 2))
    assert (first["TrainingJobStatus"], first["SecondaryStatus"]) == ("InProgress", "Starting")
    assert "TrainingStartTime" not in first
    assert third["SecondaryStatus"] == "Training"
    assert third["LastModifiedTime"] == "1714979309123"
    assert [each["Status"] for each in third["SecondaryStatusTransitions"]] == [
        "Starting",
        "Downloading",
        "Training",
    ]
    assert "EndTime" not in third["SecondaryStatusTransitions"][-1]
    assert not {"FailureReason", "TrainingEndTime", "ModelArtifacts"} & third.keys()


def test_a_job_is_stopping_from_the_transition_on() -> None:
    stopped = a_progress(
        S.DOWNLOADING, S.TRAINING, S.STOPPING, S.UPLOADING, S.STOPPED, stop_reason=StopReason.USER
    )
    job = a_training_job(progress=stopped, stop_requested_at=START)
    statuses = [state_change(job, {}, index)["detail"]["TrainingJobStatus"] for index in range(6)]
    assert statuses == ["InProgress"] * 3 + ["Stopping"] * 2 + ["Stopped"]


def test_each_transition_of_each_job_has_an_id_of_its_own_that_stays() -> None:
    job = a_training_job("Train-1", FAILED)
    namesake = replace(job, creation_time=START + timedelta(days=1))
    ids = [state_change(each, {}, index)["id"] for each in (job, namesake) for index in range(5)]
    assert len(set(ids)) == 10
    assert state_change(job, {"new": "tag"}, 0)["id"] == ids[0]
