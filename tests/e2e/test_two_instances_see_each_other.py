import json

from tests.e2e.training_client import TrainingClient


def test_two_instances_meet_by_name_and_share_one_archive(emulator: TrainingClient) -> None:
    job = emulator.train({"talk": "true"}, instances=2)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    files = emulator.files(job["TrainingJobName"])
    assert {name: json.loads(met) for name, met in files.items()} == {
        "met-algo-1.json": {"said": {"algo-2": "algo-2"}, "heard": ["algo-2"]},
        "met-algo-2.json": {"said": {"algo-1": "algo-1"}, "heard": ["algo-1"]},
    }


def test_hosts_of_a_heterogeneous_job_are_told_their_groups(emulator: TrainingClient) -> None:
    groups = [
        {"InstanceGroupName": "trainers", "InstanceType": "ml.m5.large", "InstanceCount": 1},
        {"InstanceGroupName": "loaders", "InstanceType": "ml.t3.medium", "InstanceCount": 2},
    ]
    resources = {"InstanceGroups": groups, "VolumeSizeInGB": 1}
    job = emulator.train({"talk": "true", "report": "true"}, ResourceConfig=resources)
    name = job["TrainingJobName"]
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert len(emulator.files(name)) == 3
    told = json.loads(emulator.report(name, "algo-3")["config"]["resourceconfig.json"])
    assert told == {
        "current_host": "algo-3",
        "current_instance_type": "ml.t3.medium",
        "current_group_name": "loaders",
        "hosts": ["algo-1", "algo-2", "algo-3"],
        "instance_groups": [
            {"instance_group_name": "trainers", "instance_type": "ml.m5.large", "hosts": ["algo-1"]},
            {
                "instance_group_name": "loaders",
                "instance_type": "ml.t3.medium",
                "hosts": ["algo-2", "algo-3"],
            },
        ],
        "network_interface_name": "eth0",
        "topology": None,
    }


def test_every_host_has_a_log_stream_even_one_that_says_nothing(emulator: TrainingClient) -> None:
    name = emulator.create({"algo-2": json.dumps({"run": "echo I am algo-2"})}, instances=2)
    emulator.wait(name)
    found = emulator.logs.describe_log_streams(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{name}/"
    )
    hosts = [stream["logStreamName"].split("/")[1].rsplit("-", 1)[0] for stream in found["logStreams"]]
    assert hosts == ["algo-1", "algo-2"]
    assert emulator.lines(name, "algo-1") == []
    assert emulator.lines(name, "algo-2") == ["I am algo-2"]
