"""SageMaker Python SDK v2."""

import ast
import json
import re
from pathlib import Path

import docker
import pytest

from tests.clients.client_program import LIMIT_SECONDS, Client, told
from tests.support.images import cannot_run

pytestmark = pytest.mark.timeout(3 * LIMIT_SECONDS)

HOSTS = {"algo-1", "algo-2"}


def test_estimator_fits_attaches_and_stops(client: Client) -> None:
    output = client.run_python("sdk_v2", "estimator.py")

    model = told(output, "model")
    assert re.fullmatch(r"s3://sdk-v2/logistic-regression-[-0-9]+/output/model.tar.gz", model)
    assert client.artifact_names(model) == {"model.json", *(f"shards-{host}.json" for host in HOSTS)}
    assert {f"{host} of 2 hosts read 100 rows" in output for host in HOSTS} == {True}
    assert output.index("epoch=1 loss=") < output.index("Completed - Training job completed"), (
        "logs are not live"
    )
    assert "Billable seconds: " in output
    assert told(output, "attached") == model
    assert told(output, "stopped") == "Stopped"


def test_estimator_and_model_deploy_predict_and_transform(client: Client) -> None:
    output = client.run_python("sdk_v2", "deploy.py")

    rows = ast.literal_eval(told(output, "probability and class"))
    assert [each_class for _, each_class in rows] == ["1", "0"]
    assert float(rows[0][0]) > 0.5 > float(rows[1][0])
    [prediction] = ast.literal_eval(told(output, "predictions"))
    assert prediction["class"] == 1
    assert prediction["probability"] == pytest.approx(float(rows[0][0]), abs=1e-6)
    [streamed] = json.loads(told(output, "streamed"))["predictions"]
    assert streamed["class"] == 0
    assert streamed["probability"] == pytest.approx(float(rows[1][0]), abs=1e-6)

    output = client.run_python("sdk_v2", "transform.py", told(output, "job"))

    outputs = {f"transform/output/part-{part}.csv.out" for part in range(4)}
    assert set(ast.literal_eval(told(output, "output"))) == outputs
    row, given = told(output, "first row"), (client.directory / "data" / "part-0.csv").read_text()
    label, first, second, probability, predicted = row.split(",")
    assert ",".join((label, first, second)) == given.splitlines()[0]
    assert predicted == str(int(float(probability) > 0.5))


def test_model_of_an_archive_answers_asynchronously(client: Client) -> None:
    output = client.run_python("sdk_v2", "asynchronous.py")

    assert ast.literal_eval(told(output, "waited for")) == [["0.982014", "1"]]
    assert ast.literal_eval(told(output, "looked up")) == [["0.017986", "0"], ["0.982014", "1"]]
    assert re.fullmatch(r"s3://sdk-v2/asynchronous/output/\S+\.out", told(output, "output"))
    assert "3 features in a row; the model has 2" in told(output, "failure")


def test_script_mode_runs_source_and_dependencies_on_two_hosts(client: Client) -> None:
    output = client.run_python("sdk_v2", "script_mode.py", bridge=True)

    model = told(output, "model")
    assert model.startswith("s3://sagemaker-us-east-1-123456789012/script-mode-")
    assert client.artifact_names(model) == {f"weights-{host}.json" for host in HOSTS}
    assert {f"{host} of 2 fitted 100 rows of 2 files" in output for host in HOSTS} == {True}
    assert "--ridge 0.1" in output


def test_script_mode_hosts_are_connected_by_torch_distributed(client: Client) -> None:
    engine = docker.from_env()
    is_built = engine.api.images("sagemaker-emulator-samples/script_mode_torch")
    engine.close()
    if not is_built:
        cannot_run("`scripts/images.py script_mode_torch` has not built it: PyTorch could not be installed")
    labels = [
        float(row.split(",")[0])
        for file in Path(client.directory, "data").glob("*.csv")
        for row in file.read_text().splitlines()
    ]

    output = client.run_python("sdk_v2", "script_mode_torch.py", bridge=True)

    assert {f"{host} of 2: [{float(len(labels))}, {sum(labels)}]" in output for host in HOSTS} == {True}
    assert len(re.findall(r"algo-[12] alone: \[100\.0, ", output)) == 2
    assert client.artifact_names(told(output, "model")) == {f"sums-{host}.pt" for host in HOSTS}


def test_built_in_xgboost_trains_and_has_analytics(client: Client) -> None:
    output = client.run_python("sdk_v2", "built_in_xgboost.py")

    found = re.findall(r".*\[([0-9]+)\].*#011train-logloss:(\S+)#011validation-logloss:(\S+)", output)
    assert [int(number) for number, _, _ in found] == list(range(5))
    assert float(found[-1][1]) < float(found[0][1])
    model = told(output, "model")
    assert client.artifact_names(model) == {"xgboost-model"}
    job = model.split("/")[-3]
    assert int(told(client.run_python("sdk_v2", "analytics.py", job), "metrics")) > 0
