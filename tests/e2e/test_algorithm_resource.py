"""A training job by AlgorithmName, from its events to its deletion."""

from tests.e2e.conftest import Launch
from tests.e2e.training_client import TrainingClient, channel, until
from tests.support.webhook import webhook


def create_algorithm(client: TrainingClient) -> str:
    training = {
        "TrainingImage": client.image,
        "SupportedTrainingInstanceTypes": ["ml.t3.medium"],
        "TrainingChannels": [
            {
                "Name": "train",
                "SupportedContentTypes": ["text/csv"],
                "SupportedInputModes": ["File"],
                "IsRequired": True,
            }
        ],
        "SupportedHyperParameters": [
            {"Name": "run", "Type": "FreeText", "DefaultValue": "cat /opt/ml/input/data/train/a"}
        ],
    }
    client.sagemaker.create_algorithm(AlgorithmName="reader", TrainingSpecification=training)
    return "reader"


def deleted(client: TrainingClient, name: str) -> bool:
    try:
        client.sagemaker.delete_training_job(TrainingJobName=name)
    except client.sagemaker.exceptions.ResourceInUse:
        return False
    return True


def test_a_job_of_an_algorithm_is_told_found_and_deleted(launch: Launch) -> None:
    with webhook() as hook, launch(EVENTS_URL=hook.url) as client:
        specification = {"AlgorithmName": create_algorithm(client), "TrainingInputMode": "File"}
        uri = client.put({"a": b"from the default\n"})
        job = client.train(channels=[channel("train", uri)], AlgorithmSpecification=specification)
        name = job["TrainingJobName"]
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
        assert client.lines(name) == ["from the default"]
        assert "TrainingImage" not in job["AlgorithmSpecification"]
        told = ["Starting", "Downloading", "Training", "Uploading", "Completed"]
        until("all events", lambda: hook.statuses(name) == told)
        named = [{"Name": "AlgorithmSpecification.AlgorithmName", "Value": "reader"}]
        found = client.sagemaker.search(Resource="TrainingJob", SearchExpression={"Filters": named})  # type: ignore[typeddict-item]
        assert [one["TrainingJob"]["TrainingJobName"] for one in found["Results"]] == [name]
        until("the job can be deleted", lambda: deleted(client, name))
        assert client.sagemaker.list_training_jobs()["TrainingJobSummaries"] == []
