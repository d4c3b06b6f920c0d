"""Golden files: tests/data/golden/<case>.request.json, compiled, is <case>.cluster.json.

After a change that is meant, `python -m tests.unit.training.test_plan` writes the latter anew; read the difference.
"""

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from emulator.domain.arn import TrainingJobKey
from emulator.domain.cluster import Capacity, Mount
from emulator.domain.misfit import Misfit
from emulator.domain.placement import PlacementPolicy, place
from emulator.domain.progress import Progress
from emulator.domain.training_job import AlgorithmSpecification, TrainingJob
from emulator.training.file_system_channel import file_system_mount
from emulator.training.plan import cluster_name, compile_cluster, container_command
from tests.support.builders import a_training_job
from tests.support.clock import START

GOLDEN = Path(__file__).parents[2] / "data" / "golden"
CASES = sorted(path.name.removesuffix(".request.json") for path in GOLDEN.glob("*.request.json"))
MACHINE = Capacity(cpus=8, memory_bytes=64 * 2**30, gpu_ids=("0", "1", "2", "3"))
POLICY = PlacementPolicy(lambda total: total * 8 // 10, 512 * 2**20, 0.07, Misfit.SCALE, Misfit.SCALE)


def compile_case(case: str) -> Any:
    """The cluster of one golden request, as a JSON file would hold it."""
    document = json.loads((GOLDEN / f"{case}.request.json").read_text(encoding="utf-8"))
    key = TrainingJobKey("111122223333", "eu-west-1", document["TrainingJobName"])
    job = TrainingJob(key, START, document, Progress.begin(START))
    hosts = job.request.resource_config.hosts()
    placement = place(hosts, POLICY, MACHINE, MACHINE.gpu_ids)
    with TemporaryDirectory() as directory:
        machine = Path(directory).resolve()
        cluster = compile_cluster(job, placement, file_system_mounts(job, machine))
    return json.loads(json.dumps(cluster.to_json()).replace(str(machine), "/machine"))


def file_system_mounts(job: TrainingJob, machine: Path) -> dict[str, Mount]:
    """By channel, of file systems that are directories below `machine` with the file systems' own names."""
    mounts = {}
    for channel in job.request.input_data_config:
        if channel.file_system is not None:
            root = machine / channel.file_system.file_system_id
            root.joinpath(channel.file_system.directory_path.lstrip("/")).mkdir(parents=True)
            mount = file_system_mount(channel, {channel.file_system.file_system_id: root})
            assert mount is not None
            mounts[channel.channel_name] = mount
    return mounts


@pytest.mark.parametrize("case", CASES)
def test_compile_cluster_makes_the_golden_file(case: str) -> None:
    golden = json.loads((GOLDEN / f"{case}.cluster.json").read_text(encoding="utf-8"))

    assert compile_case(case) == golden


def test_every_configuration_file_of_real_listings_has_a_golden_one() -> None:
    """Those of 2022; trainingjobconfig.json and upstreamoutputdataconfig.json are in listings of 2020 and 2021 only."""
    instances = [instance for case in CASES for instance in compile_case(case)["instances"]]
    golden = {path for instance in instances for path in instance["files"]}

    assert golden == {
        f"/opt/ml/input/config/{name}.json"
        for name in (
            "checkpointconfig",
            "debughookconfig",
            "hyperparameters",
            "init-config",
            "inputdataconfig",
            "metric-definition-regex",
            "profilerconfig",
            "resourceconfig",
            "tensorboardoutputconfig",
        )
    }


def test_compile_cluster_has_golden_files() -> None:
    assert len(CASES) >= 4
    assert {path.name for path in GOLDEN.iterdir()} == {
        f"{case}.{kind}.json" for case in CASES for kind in ("request", "cluster")
    }


@pytest.mark.parametrize(
    ("entrypoint", "arguments", "command"),
    [
        (None, None, (None, ("train",))),
        (["python3", "a.py"], None, (("python3", "a.py"), ())),
        (None, ["--epochs", "1"], (None, ("--epochs", "1"))),
        (["python3"], ["a.py", "train"], (("python3",), ("a.py", "train"))),
    ],
)
def test_container_command_adds_train_only_where_nothing_is_overridden(
    entrypoint: list[str] | None, arguments: list[str] | None, command: tuple[Any, Any]
) -> None:
    given = {"ContainerEntrypoint": entrypoint, "ContainerArguments": arguments}
    algorithm = {"TrainingInputMode": "File", **{k: v for k, v in given.items() if v is not None}}

    assert container_command(AlgorithmSpecification.model_validate(algorithm)) == command


def test_cluster_name_is_the_job_s_and_fit_for_the_engine() -> None:
    name = cluster_name(a_training_job("My-Job-" + "x" * 56))

    assert re.fullmatch(r"my-job-x{56}-[0-9a-f]{8}", name)
    assert cluster_name(a_training_job("My-Job-" + "x" * 56)) == name


def test_cluster_name_differs_over_accounts_regions_and_namesakes() -> None:
    job = a_training_job("j")
    others = [
        replace(job, key=TrainingJobKey("444455556666", "eu-west-1", "j")),
        replace(job, key=TrainingJobKey("111122223333", "us-east-1", "j")),
        replace(job, creation_time=START + timedelta(microseconds=1)),
    ]

    assert len({cluster_name(each) for each in [job, *others]}) == 4


if __name__ == "__main__":
    for each in CASES:
        text = json.dumps(compile_case(each), indent=2, ensure_ascii=False)
        (GOLDEN / f"{each}.cluster.json").write_text(f"{text}\n", encoding="utf-8")
