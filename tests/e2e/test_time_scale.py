"""TIME_SCALE shortens AWS's waiting periods, and nothing of the training itself."""

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Launch
from tests.e2e.training_client import TrainingClient, statuses


@pytest.fixture(scope="module")
def hasty(launch: Launch) -> Iterator[TrainingClient]:
    """120 s are 0.12 s."""
    with launch(TIME_SCALE="0.001") as client:
        yield client


def test_the_training_may_take_what_max_runtime_says(hasty: TrainingClient) -> None:
    """Scaled, MaxRuntimeInSeconds would be over long before the algorithm is."""
    script = "sleep 3; echo trained; echo x > /opt/ml/model/x"
    job = hasty.train({"run": script}, StoppingCondition={"MaxRuntimeInSeconds": 1000})
    assert statuses(job) == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert hasty.lines(job["TrainingJobName"]) == ["trained"]
    assert job["TrainingTimeInSeconds"] >= 3


def test_the_grace_is_short(hasty: TrainingClient) -> None:
    """Unscaled, its 120 s are longer than the test waits for the end."""
    name = hasty.create({"on_sigterm": "ignore", "sleep": "600"})
    hasty.wait_for_line(name, "SLEEPING")
    hasty.stop(name)
    assert hasty.wait(name)["SecondaryStatus"] == "Stopped"
