"""SageMaker Python SDK v3."""

import ast
import re
import shutil

import pytest

from tests.clients.client_program import LIMIT_SECONDS, Client, told

pytestmark = pytest.mark.timeout(3 * LIMIT_SECONDS)

HOSTS = {"algo-1", "algo-2"}


def test_model_trainer_runs_source_code_with_the_drivers_of_the_sdk(client: Client) -> None:
    # Version 3 uploads nothing but source_dir.
    shutil.move(client.directory / "library" / "reporting", client.directory / "source")

    output = client.run_python("sdk_v3", "model_trainer.py", bridge=True)

    model = told(output, "model")
    assert model.startswith("s3://sagemaker-us-east-1-123456789012/model-trainer/model-trainer-")
    assert client.artifact_names(model) == {f"weights-{host}.json" for host in HOSTS}
    assert {f"{host} of 2 fitted 200 rows of 4 files" in output for host in HOSTS} == {True}
    assert "Running Basic Script driver" in output


def test_model_trainer_without_bridge_waits_with_logs_and_stops(client: Client) -> None:
    output = client.run_python("sdk_v3", "without_bridge.py")

    model = told(output, "model")
    assert re.fullmatch(r"s3://sdk-v3/output/without-bridge-\d+/output/model.tar.gz", model)
    assert client.artifact_names(model) == {"model.json", *(f"shards-{host}.json" for host in HOSTS)}
    assert {f"{host} of 2 hosts read 100 rows" in output for host in HOSTS} == {True}
    assert told(output, "stopped") == "Stopped"


def test_model_builder_deploys_what_a_trainer_trained(client: Client) -> None:
    output = client.run_python("sdk_v3", "model_builder.py", bridge=True)

    prediction = ast.literal_eval(told(output, "prediction"))
    assert prediction["class"] == 1
    assert prediction["probability"] > 0.5


def test_resources_make_and_delete_an_endpoint_without_bridge(client: Client) -> None:
    model = told(client.run_python("sdk_v3", "without_bridge.py"), "model")

    output = client.run_python("sdk_v3", "endpoint.py", model)

    assert re.fullmatch(r"0\.[5-9]\d*,1 from AllTraffic", told(output, "probability and class"))
    assert told(output, "endpoints") == "[]"


def test_transformer_of_two_instances_joins_rows_and_predictions(client: Client) -> None:
    output = client.run_python("sdk_v3", "transform.py")

    assert told(output, "status") == "Completed"
    for part in range(2):
        rows = ast.literal_eval(told(output, f"transform/output/part-{part}.csv.out"))
        assert rows == [f"{part},2.0,0.5,0.982014,1", f"{part},-2.0,0.5,0.017986,0"]
    assert "answering on port 8080" in output, "the log is missing"
