"""The pytest plugin in pytest runs of its own; the examples of docs/testing.md are among them."""

import re
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

PAGE = Path(__file__).parent.parent.parent / "docs" / "testing.md"
INI = "[pytest]\nfilterwarnings = error\naddopts = --strict-markers --strict-config\n"
FAKE = "sagemaker_emulator_compute = fake\n"
SCRIPTS = """
import pytest
from emulator.compute.fake import Script

ALGORITHM = Script(logs=("epoch 1: loss 0.5",), writes={"model/model.json": b'{"weights": []}'})


@pytest.fixture(autouse=True)
def my_algorithm(request):
    if request.node.get_closest_marker("sagemaker_emulator") is None:
        request.node.add_marker(pytest.mark.sagemaker_emulator(scripts={"algo-1": ALGORITHM}))
"""
"""Stands for the image `my-algorithm`."""

FOUR_TESTS = """
import math
import pytest
from emulator.compute.fake import Script

endpoints = set()

def test_first(sagemaker_emulator, sagemaker_bucket, sagemaker_s3_client):
    endpoints.add(sagemaker_emulator.endpoint)
    sagemaker_s3_client.put_object(Bucket=sagemaker_bucket, Key="mine", Body=b"1")
    assert sagemaker_emulator.train(TrainingJobName="job").status == "Completed"

def test_second(sagemaker_emulator, sagemaker_bucket, sagemaker_s3_client, sagemaker_client):
    endpoints.add(sagemaker_emulator.endpoint)
    assert len(endpoints) == 1
    assert sagemaker_client.list_training_jobs()["TrainingJobSummaries"] == []
    assert [b["Name"] for b in sagemaker_s3_client.list_buckets()["Buckets"]] == [sagemaker_bucket]
    assert "Contents" not in sagemaker_s3_client.list_objects_v2(Bucket=sagemaker_bucket)
    assert sagemaker_emulator.train(TrainingJobName="job").status == "Completed"

@pytest.mark.sagemaker_emulator(scripts={"algo-1": Script(after=math.inf, ignores_sigterm=True)})
def test_leaves_a_running_job(sagemaker_environment, sagemaker_bucket, sagemaker_client):
    import boto3
    boto3.client("sagemaker").create_training_job(
        TrainingJobName="endless", RoleArn=sagemaker_environment.role_arn,
        AlgorithmSpecification={"TrainingImage": "i", "TrainingInputMode": "File"},
        OutputDataConfig={"S3OutputPath": f"s3://{sagemaker_bucket}"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )
    assert sagemaker_client.describe_training_job(TrainingJobName="endless")

def test_environment_is_restored(sagemaker_emulator):
    import os
    before = dict(os.environ)
    with sagemaker_emulator.environment():
        assert os.environ["AWS_ACCESS_KEY_ID"] == sagemaker_emulator.account_id
    assert dict(os.environ) == before
"""

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester) -> Run:
    """`run(test, "-v")` runs the text of a test module by a pytest of its own."""
    is_installed = any(found.value == "emulator.pytest_plugin" for found in entry_points(group="pytest11"))
    plugin = [] if is_installed else ["-p", "emulator.pytest_plugin"]

    def run_pytest(test: str, *arguments: str, ini: str = FAKE) -> pytest.RunResult:
        pytester.makeini(INI + ini)
        pytester.makepyfile(test)
        return pytester.runpytest_subprocess(*plugin, *arguments, timeout=240)

    return run_pytest


def examples() -> dict[str, str]:
    """The modules of the page, by the name in their first line."""
    return dict(re.findall(r"```python\n# (\w+)\.py\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL))


@pytest.mark.parametrize(
    ("name", "passed"), [("test_training", 1), ("test_own_code", 2), ("test_failure_handling", 2)]
)
def test_examples_of_the_page_pass(run: Run, pytester: pytest.Pytester, name: str, passed: int) -> None:
    settings = examples()["conftest"] if name == "test_training" else ""
    pytester.makeconftest(SCRIPTS + settings)
    run(examples()[name]).assert_outcomes(passed=passed)


def test_other_examples_of_the_page_are_python() -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == len(examples()) + 1
    for block in blocks:
        compile(block, str(PAGE), "exec")


def test_tests_do_not_see_each_other(run: Run) -> None:
    run(FOUR_TESTS).assert_outcomes(passed=4)


def test_nothing_is_left(run: Run, pytester: pytest.Pytester) -> None:
    result = run(
        "def test_one(sagemaker_emulator): sagemaker_emulator.train()", f"--basetemp={pytester.path}/t"
    )
    result.assert_outcomes(passed=1)
    assert list((pytester.path / "t").glob("sagemaker-emulator*")) == []


def test_workers_of_xdist_have_servers_of_their_own(run: Run, pytester: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    result = run(
        """
        import os
        import pathlib
        import pytest

        @pytest.mark.parametrize("number", range(6))
        def test_training(sagemaker_emulator, number):
            assert sagemaker_emulator.train(TrainingJobName="job").status == "Completed"
            name = f"{os.environ['PYTEST_XDIST_WORKER']}-{sagemaker_emulator.endpoint.rpartition(':')[2]}"
            pathlib.Path("servers").mkdir(exist_ok=True)
            pathlib.Path("servers", name).touch()
        """,
        *("-n", "2", "--dist", "each"),
    )
    result.assert_outcomes(passed=12)
    servers = [path.name.split("-") for path in (pytester.path / "servers").iterdir()]
    assert sorted(worker for worker, _ in servers) == ["gw0", "gw1"]
    assert len({port for _, port in servers}) == 2


@pytest.mark.parametrize(
    ("marker", "says"),
    [
        ('compute="cloud"', "not 'cloud'"),
        ('compute="docker", scripts={"algo-1": None}', 'scripts need compute="fake"'),
        ("speed=2", "unexpected keyword argument 'speed'"),
        ('"fake"', 'write compute="docker" or compute="fake"'),
    ],
)
def test_marker_that_cannot_be_meant_is_explained(run: Run, marker: str, says: str) -> None:
    test = f"import pytest\n@pytest.mark.sagemaker_emulator({marker})\ndef test_one(sagemaker_emulator): pass"
    result = run(test)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*{says.replace('[', '[[]')}*"])


def test_missing_engine_is_explained(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    result = run("def test_one(sagemaker_emulator): pass", ini="")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(['*No Docker Engine answers*compute="fake"*'])


def test_fixtures_are_described(run: Run) -> None:
    result = run("", "--fixtures")
    result.stdout.fnmatch_lines_random(
        [
            "sagemaker_emulator*",
            "*A running SageMaker emulator, with an account of this test's own on it.",
            "sagemaker_client*",
            "sagemaker_bucket*",
            "sagemaker_emulator_settings*session scope*",
        ]
    )
    assert "_sagemaker_emulator_server" not in result.stdout.str()


def test_runs_that_do_not_use_it_import_nothing_of_the_emulator(run: Run) -> None:
    result = run(
        """
        import sys

        def test_one():
            ours = sorted(name for name in sys.modules if name.split(".")[0] == "emulator")
            assert ours == ["emulator", "emulator.pytest_plugin"]
            assert not {"boto3", "fastapi", "docker", "uvicorn"} & set(sys.modules)
        """
    )
    result.assert_outcomes(passed=1)
