"""What the algorithm finds: command, files, environment, limits."""

import json
from typing import Any

import pytest

from tests.e2e.training_client import ACCOUNT, REGION, TrainingClient, channel

MIB = 2**20
PARAMETERS = {"epochs": "3", "text": 'quotes " and é\\', "empty": "", "report": "true"}
ARGUMENTS = ["one", "two words", ""]


@pytest.fixture(scope="module")
def job(emulator: TrainingClient) -> dict[str, Any]:
    uri = emulator.put({"a.csv": b"1", "sub/b.csv": b"2"})
    channels = [{**channel("train", uri), "ContentType": "text/csv"}]
    job = emulator.train(
        PARAMETERS,
        channels,
        instance_type="ml.m5.large",
        algorithm={"MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+)"}]},
        Environment={"MINE": "yes", "AWS_EXECUTION_ENV": "overridden"},
    )
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    return job


@pytest.fixture(scope="module")
def seen(emulator: TrainingClient, job: dict[str, Any]) -> dict[str, Any]:
    return emulator.report(job["TrainingJobName"])


def test_config_files(seen: dict[str, Any], job: dict[str, Any]) -> None:
    config = seen["config"]
    init = json.loads(config.pop("init-config.json"))
    assert init["hostConfig"] == {"clusterSize": 1, "hostNumber": 1}
    assert config == {
        "hyperparameters.json": '{"epochs":"3","text":"quotes \\" and é\\\\","empty":"","report":"true"}',
        "inputdataconfig.json": '{"train":{"ContentType":"text/csv","TrainingInputMode":"File",'
        '"S3DistributionType":"FullyReplicated","RecordWrapperType":"None"}}',
        "resourceconfig.json": '{"current_host":"algo-1","current_instance_type":"ml.m5.large",'
        '"current_group_name":"homogeneousCluster","hosts":["algo-1"],"instance_groups":['
        '{"instance_group_name":"homogeneousCluster","instance_type":"ml.m5.large","hosts":["algo-1"]}],'
        '"network_interface_name":"eth0","topology":null}',
        "metric-definition-regex.json": '[{"Name":"loss","Regex":"loss=([0-9.]+)"}]',
    }


@pytest.mark.ordinary_user
def test_tree_below_opt_ml(seen: dict[str, Any]) -> None:
    """The image's own /opt/ml/code stays; what it has where the platform mounts is hidden."""
    tree = seen["tree"]
    assert set(tree) == {
        "code",
        "code/own.py",
        "input",
        "input/config",
        *(f"input/config/{name}" for name in seen["config"]),
        "input/config/init-config.json",
        "input/data",
        "input/data/train",
        "input/data/train-manifest",
        "input/data/train/a.csv",
        "input/data/train/sub",
        "input/data/train/sub/b.csv",
        "model",
        "output",
        "output/data",
        "output/metrics",
        "output/metrics/sagemaker",
        "output/profiler",
    }
    platform = {path: entry for path, entry in tree.items() if not path.startswith("code")}
    assert {entry["mode"] for entry in platform.values()} == {"drwxr-xr-x", "-rw-r--r--"}
    assert {tuple(entry["owner"]) for path, entry in platform.items() if "/data/" not in path} == {(0, 0)}


def test_environment(seen: dict[str, Any], job: dict[str, Any]) -> None:
    environment = seen["environment"]
    name = job["TrainingJobName"]
    expected = {
        "TRAINING_JOB_NAME": name,
        "TRAINING_JOB_ARN": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/{name}",
        "AWS_REGION": REGION,
        "AWS_EXECUTION_ENV": "overridden",
        "MINE": "yes",
        "DMLC_INTERFACE": "eth0",
    }
    assert {key: environment.get(key) for key in expected} == expected
    assert not [key for key in environment if key.startswith("SM_")]


def test_limits_are_those_that_the_emulator_tells(
    emulator: TrainingClient, job: dict[str, Any], seen: dict[str, Any]
) -> None:
    (host,) = emulator.emulator_report(job["TrainingJobName"])["hosts"]
    assert host["nominal_memory_bytes"] == 8 * 1024 * MIB
    expected = (int(8 * 1024 * MIB * 0.93) - 512 * MIB) // MIB * MIB
    assert int(seen["limits"]["memory"]) == host["memory_limit_bytes"] == expected
    assert seen["shm"] == host["shm_bytes"] == expected // 2
    assert int(seen["limits"]["cpu"].split()[0]) == host["vcpus"] * 100_000
    assert host["vcpus"] <= 2


def test_host_name_and_terminal(seen: dict[str, Any]) -> None:
    assert (seen["hostname"], seen["is_a_terminal"], seen["directory"]) == ("algo-1", False, "/")


@pytest.fixture(scope="module")
def commands(emulator: TrainingClient, entrypoint_image: str) -> dict[str, dict[str, Any]]:
    """What four jobs of an image with ENTRYPOINT ["train", "from-entrypoint"] saw of their command."""
    overrides: dict[str, dict[str, Any]] = {
        "neither": {},
        "arguments": {"ContainerArguments": ARGUMENTS},
        "entrypoint": {"ContainerEntrypoint": ["train", "mine"]},
        "both": {"ContainerEntrypoint": ["train", "mine"], "ContainerArguments": ARGUMENTS},
    }
    names = {
        kind: emulator.create(
            {"show_command": "true"}, algorithm={"TrainingImage": entrypoint_image, **override}
        )
        for kind, override in overrides.items()
    }
    told = {}
    for kind, name in names.items():
        assert emulator.wait(name)["TrainingJobStatus"] == "Completed"
        (line,) = emulator.lines(name)
        told[kind] = json.loads(line.removeprefix("COMMAND "))
    return told


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("neither", ["from-entrypoint", "train"]),
        ("arguments", ["from-entrypoint", *ARGUMENTS]),
        ("entrypoint", ["mine"]),
        ("both", ["mine", *ARGUMENTS]),
    ],
)
def test_entrypoint_and_arguments(
    commands: dict[str, dict[str, Any]], kind: str, expected: list[str]
) -> None:
    assert commands[kind]["arguments"] == expected


def test_image_keeps_its_user_directory_and_environment(commands: dict[str, dict[str, Any]]) -> None:
    told = commands["neither"]
    assert (told["user"], told["directory"]) == (1234, "/srv")
    assert told["environment"]["FROM_IMAGE"] == "kept"
    assert told["environment"]["TRAINING_JOB_NAME"].startswith("job-")
