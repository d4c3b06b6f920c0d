"""SageMaker Python SDK v2."""

import re

from tests.clients.client_program import Client, told

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


def test_script_mode_runs_source_and_dependencies_on_two_hosts(client: Client) -> None:
    output = client.run_python("sdk_v2", "script_mode.py", bridge=True)

    model = told(output, "model")
    assert model.startswith("s3://sagemaker-us-east-1-123456789012/script-mode-")
    assert client.artifact_names(model) == {f"weights-{host}.json" for host in HOSTS}
    assert {f"{host} of 2 fitted 100 rows of 2 files" in output for host in HOSTS} == {True}
    assert "--ridge 0.1" in output


def test_built_in_xgboost_trains_and_has_analytics(client: Client) -> None:
    output = client.run_python("sdk_v2", "built_in_xgboost.py")

    found = re.findall(r".*\[([0-9]+)\].*#011train-logloss:(\S+)#011validation-logloss:(\S+)", output)
    assert [int(number) for number, _, _ in found] == list(range(5))
    assert float(found[-1][1]) < float(found[0][1])
    model = told(output, "model")
    assert client.artifact_names(model) == {"xgboost-model"}
    job = model.split("/")[-3]
    assert int(told(client.run_python("sdk_v2", "analytics.py", job), "metrics")) > 0
