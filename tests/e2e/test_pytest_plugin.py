"""The pytest plugin with real containers."""

from importlib.metadata import entry_points

import docker
import pytest

from tests.e2e.leftovers import find_leftovers

pytest_plugins = ["pytester"]

TESTS = """
    import pathlib

    def test_training(sagemaker_emulator, tmp_path_factory):
        (installation,) = tmp_path_factory.getbasetemp().glob("sagemaker-emulator[0-9]*/installation")
        pathlib.Path("installation").write_text(installation.read_text())
        job = sagemaker_emulator.train(
            "{image}",
            channels={{"train": {{"part-0": "data", "part-1": b"data"}}}},
            hyperparameters={{"run": "echo trained; ls /opt/ml/input/data/train; echo 1 > /opt/ml/model/weights"}},
            instance_count=2,
        )
        assert job.status == "Completed", job.failure_reason
        assert job.host_logs("algo-2")[-3:] == ["trained", "part-0", "part-1"]
        assert job.files == ["weights"]
        with job.open("weights") as weights:
            assert weights.read() == b"1\\n"

    def test_leaves_a_job_behind(sagemaker_emulator, sagemaker_client):
        sagemaker_client.create_training_job(
            TrainingJobName="endless", RoleArn=sagemaker_emulator.role_arn,
            AlgorithmSpecification={{"TrainingImage": "{image}", "TrainingInputMode": "File"}},
            HyperParameters={{"run": "sleep 600"}},
            OutputDataConfig={{"S3OutputPath": f"s3://{{sagemaker_emulator.bucket}}/out"}},
            ResourceConfig={{"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}},
            StoppingCondition={{"MaxRuntimeInSeconds": 600}},
        )
        status = None
        while status != "Training":
            status = sagemaker_client.describe_training_job(TrainingJobName="endless")["SecondaryStatus"]
            assert status in ("Starting", "Pending", "Downloading", "Training")
"""


@pytest.mark.ordinary_user
def test_containers_train_and_none_is_left(
    pytester: pytest.Pytester, engine: docker.DockerClient, algorithm_image: str
) -> None:
    is_installed = any(found.value == "emulator.pytest_plugin" for found in entry_points(group="pytest11"))
    pytester.makepyfile(TESTS.format(image=algorithm_image))
    plugin = [] if is_installed else ["-p", "emulator.pytest_plugin"]
    pytester.runpytest_subprocess(*plugin, "-W", "error", timeout=240).assert_outcomes(passed=2)
    installation = (pytester.path / "installation").read_text()
    assert find_leftovers(engine, [installation]) == []
