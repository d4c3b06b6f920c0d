"""Batch transform jobs with real containers: the algorithm image's `serve`, which echoes."""

import gzip
import json
from collections.abc import Mapping
from typing import Any

import docker
from docker.models.containers import Container

from tests.e2e.conftest import Restartable
from tests.e2e.held_containers import let_go
from tests.e2e.hosting_client import HELD, WISHES_TYPE, HostingClient, hosting_client
from tests.e2e.training_client import BUCKET, new_name, until

GROUP = "/aws/sagemaker/TransformJobs"
FINAL = {"Completed", "Failed", "Stopped"}
CSV = {"ContentType": "text/csv", "SplitType": "Line"}


def create(hosting: HostingClient, model: str, uri: str, count: int = 1, **request: Any) -> str:
    """A transform job of everything below `uri`; `request` replaces members. Its name, also of its output's folder."""
    name = new_name("Transform")
    given = dict(request)
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}
    hosting.sagemaker.create_transform_job(
        TransformJobName=name,
        ModelName=model,
        TransformInput={"DataSource": source, **given.pop("TransformInput", {})},
        TransformOutput={"S3OutputPath": f"s3://{BUCKET}/{name}", **given.pop("TransformOutput", {})},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": count},
        **given,
    )
    return name


def wait(hosting: HostingClient, name: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        described = dict(hosting.sagemaker.describe_transform_job(TransformJobName=name))
        return described if described["TransformJobStatus"] in FINAL else None

    return until(f"the end of {name}", look)


def transform(hosting: HostingClient, *args: Any, **request: Any) -> dict[str, Any]:
    """Create it and wait until it is completed; the last Describe."""
    described = wait(hosting, create(hosting, *args, **request))
    assert described["TransformJobStatus"] == "Completed", described
    return described


def outputs(hosting: HostingClient, name: str) -> dict[str, bytes]:
    keys = hosting.training.keys(f"{name}/")
    return {key.removeprefix(f"{name}/"): hosting.training.body(f"s3://{BUCKET}/{key}") for key in keys}


def lines(hosting: HostingClient, name: str) -> dict[str, list[str]]:
    """By what follows the job's name in the stream's."""
    found = hosting.logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{name}/")
    told = {}
    for stream in (each["logStreamName"] for each in found["logStreams"]):
        page = hosting.logs.get_log_events(logGroupName=GROUP, logStreamName=stream, startFromHead=True)
        told[stream.removeprefix(f"{name}/")] = [event["message"] for event in page["events"]]
    return told


def asked(hosting: HostingClient, name: str) -> list[str]:
    """What the containers say of each request."""
    streams = lines(hosting, name).values()
    return [line for messages in streams for line in messages if line.startswith("INVOKED")]


def prefix_of(name: str) -> str:
    """Of all that the job has on the Engine."""
    return f"sagemaker-transform_{name.lower()}-"


def containers(engine: docker.DockerClient, name: str) -> list[Container]:
    """Those that run."""
    return engine.containers.list(filters={"name": prefix_of(name)}, ignore_removed=True)


def things(engine: docker.DockerClient, name: str) -> list[str]:
    """All containers, networks and volumes that the job has on the Engine."""
    prefix = prefix_of(name)
    found = [
        *engine.containers.list(all=True, filters={"name": prefix}, ignore_removed=True),
        *engine.networks.list(filters={"name": prefix}),
        *engine.volumes.list(filters={"name": prefix}),
    ]
    return [str(each.name) for each in found]


def nothing_is_left(engine: docker.DockerClient, name: str) -> bool:
    return until(f"the removal of {name}", lambda: not things(engine, name))


def wishes(*given: Mapping[str, Any]) -> bytes:
    return b"".join(json.dumps(wish).encode() + b"\n" for wish in given)


WISHES = {"ContentType": WISHES_TYPE, "SplitType": "Line"}


def test_objects_are_transformed_by_two_instances(hosting: HostingClient) -> None:
    model = hosting.create_model(hosting.container(environment={"SUFFIX": "!"}))
    uri = hosting.training.put({"a.csv": b"1,2\n3,4\n", "deep/b.csv": b"5,6\n", "c.csv": b"7,8\n"})
    job = transform(hosting, model, uri, 2, TransformInput=CSV)
    name = job["TransformJobName"]
    assert outputs(hosting, name) == {
        "a.csv.out": b"1,2\n3,4\n!", "c.csv.out": b"7,8\n!", "deep/b.csv.out": b"5,6\n!"
    }  # fmt: skip
    told = lines(hosting, name)
    assert len(told) == 4
    data_logs = [messages for stream, messages in told.items() if stream.endswith("/data-log")]
    assert all("MaxConcurrentTransforms=1, MaxPayloadInMB=6" in first for [first] in data_logs)
    assert sorted(asked(hosting, name)) == [
        "INVOKED 4", "INVOKED 4", "INVOKED 8"
    ]  # fmt: skip
    assert job["TransformStartTime"] <= job["TransformEndTime"]
    assert nothing_is_left(hosting.engine, name)


def test_container_sees_its_model_and_how_it_is_asked(hosting: HostingClient) -> None:
    container = hosting.container(
        ModelDataUrl=hosting.put_archive({"weights": b"w"}), environment={"BOTH": "model"}
    )
    uri = hosting.training.put({"in": wishes({"report": True})})
    job = transform(
        hosting,
        hosting.create_model(container),
        uri,
        BatchStrategy="SingleRecord",
        MaxPayloadInMB=2,
        Environment={"BOTH": "job"},
        TransformInput=WISHES,
        TransformOutput={"Accept": "application/json"},
    )
    [seen] = [json.loads(body) for body in outputs(hosting, job["TransformJobName"]).values()]
    assert seen["files"]["weights"]["text"] == "w"
    assert seen["environment"].items() >= {
        "SAGEMAKER_BATCH": "true", "SAGEMAKER_MAX_PAYLOAD_IN_MB": "2", "BOTH": "job",
        "SAGEMAKER_BATCH_STRATEGY": "SINGLE_RECORD",
    }.items()  # fmt: skip
    assert "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS" not in seen["environment"]
    headers = seen["request"]["headers"]
    assert (headers["content-type"], headers["accept"]) == (WISHES_TYPE, "application/json")
    assert "authorization" not in headers


def test_container_decides_how_it_is_asked_and_the_order_stays(hosting: HostingClient) -> None:
    parameters = {"MaxConcurrentTransforms": 4, "BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": 1}
    container = hosting.container(environment={"EXECUTION_PARAMETERS": json.dumps(parameters)})
    given = [{"sleep": 0.3 if number == 0 else 0, "body": str(number)} for number in range(40)]
    uri = hosting.training.put({"in": wishes(*given)})
    output = {"AssembleWith": "Line"}
    job = transform(
        hosting, hosting.create_model(container), uri, TransformInput=WISHES, TransformOutput=output
    )
    name = job["TransformJobName"]
    assert outputs(hosting, name) == {"in.out": b"".join(b"%d\n" % number for number in range(40))}
    [data_log] = [told for stream, told in lines(hosting, name).items() if stream.endswith("/data-log")]
    assert data_log[0].endswith("MaxConcurrentTransforms=4, MaxPayloadInMB=1, BatchStrategy=SINGLE_RECORD")


def test_compressed_csv_is_filtered_and_joined(hosting: HostingClient) -> None:
    uri = hosting.training.put({"in.csv.gz": gzip.compress(b"id1,1,2\nid2,3,4\n")})
    job = transform(
        hosting,
        hosting.create_model(),
        uri,
        TransformInput={**CSV, "CompressionType": "Gzip"},
        TransformOutput={"Accept": "text/csv", "AssembleWith": "Line"},
        DataProcessing={"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"},
    )
    assert outputs(hosting, job["TransformJobName"]) == {"in.csv.gz.out": b"id1,2\nid2,4\n"}


def test_pipeline_works_in_series_also_without_a_network(hosting: HostingClient) -> None:
    first, second = (hosting.container(environment={"SUFFIX": suffix}) for suffix in (".1", ".2"))
    model = hosting.create_model(
        {**first, "ContainerHostname": "first"},
        {**second, "ContainerHostname": "last"},
        EnableNetworkIsolation=True,
    )
    job = transform(hosting, model, hosting.training.put({"in": b"x"}))
    name = job["TransformJobName"]
    assert outputs(hosting, name) == {"in.out": b"x.1.2"}
    assert {stream.rpartition("/")[2] for stream in lines(hosting, name)} == {
        "first",
        "last",
        "data-log",
    }
    assert nothing_is_left(hosting.engine, name)


def test_bad_record_fails_the_job_and_only_its_object(hosting: HostingClient) -> None:
    uri = hosting.training.put(
        {"bad": wishes({"status": 400, "body": "nonsense"}), "good": wishes({"body": "ok"})}
    )
    name = create(hosting, hosting.create_model(), uri, TransformInput=WISHES, BatchStrategy="SingleRecord")
    job = wait(hosting, name)
    assert job["TransformJobStatus"] == "Failed"
    assert job["FailureReason"] == "ClientError: See job logs for more information"
    assert outputs(hosting, name) == {"good.out": b"ok"}
    [data_log] = [told for stream, told in lines(hosting, name).items() if stream.endswith("/data-log")]
    key = uri.removeprefix("s3://") + "bad"
    assert [line.partition("]: ")[2] for line in data_log[1:]] == [
        f"{key}: ClientError: 400", f"{key}: ", f"{key}: Message:", f"{key}: nonsense"
    ]  # fmt: skip


def test_container_that_ends_at_its_start_fails_the_job(hosting: HostingClient) -> None:
    model = hosting.create_model(hosting.container(environment={"START_EXIT": "3"}))
    name = create(hosting, model, hosting.training.put({"in": b"x"}))
    assert wait(hosting, name)["FailureReason"] == (
        "AlgorithmError: Model container failed to respond to ping. Please ensure /ping endpoint is implemented and "
        "responds with an HTTP 200 status code (algo-1 ended with exit code 3)"
    )
    assert nothing_is_left(hosting.engine, name)


def test_container_that_dies_at_work_fails_the_job(hosting: HostingClient) -> None:
    uri = hosting.training.put({"in": wishes({"exit": 4})})
    name = create(hosting, hosting.create_model(), uri, TransformInput=WISHES)
    assert wait(hosting, name)["FailureReason"] == (
        "AlgorithmError: See job logs for more information (algo-1 ended with exit code 4)"
    )


def test_job_stops_and_leaves_nothing_but_finished_outputs(hosting: HostingClient) -> None:
    uri = hosting.training.put({"1": wishes({"body": "done"}), "2": wishes({"sleep": 60})})
    name = create(hosting, hosting.create_model(), uri, TransformInput=WISHES)
    until("the first output", lambda: outputs(hosting, name))
    hosting.sagemaker.stop_transform_job(TransformJobName=name)
    job = wait(hosting, name)
    assert (job["TransformJobStatus"], "FailureReason" in job) == ("Stopped", False)
    assert outputs(hosting, name) == {"1.out": b"done"}
    assert nothing_is_left(hosting.engine, name)


def test_large_object_goes_through_in_pieces(hosting: HostingClient) -> None:
    content = b"".join(b"%099d\n" % number for number in range(200_000))
    uri = hosting.training.put({"large": content})
    job = transform(
        hosting, hosting.create_model(), uri, TransformInput=CSV, MaxPayloadInMB=1, MaxConcurrentTransforms=3
    )
    assert outputs(hosting, job["TransformJobName"]) == {"large.out": content}


def test_job_goes_on_after_the_server_was_killed(
    restartable: Restartable, engine: docker.DockerClient
) -> None:
    with hosting_client(restartable.start(), engine) as hosting:
        uri = hosting.training.put({"1": wishes({"body": "once"}), "2": wishes({**HELD, "body": "held"})})
        name = create(hosting, hosting.create_model(), uri, TransformInput=WISHES)
        until("the first output", lambda: outputs(hosting, name))
        until("the second request", lambda: len(asked(hosting, name)) == 2)
        assert set(outputs(hosting, name)) == {"1.out"}
        modified = hosting.s3.head_object(Bucket=BUCKET, Key=f"{name}/1.out")["LastModified"]
        restartable.kill()
    former = containers(engine, name)
    with hosting_client(restartable.start(), engine) as hosting:
        until("the second request again", lambda: len(asked(hosting, name)) == 3)
        let_go([each for each in containers(engine, name) if each not in former])
        assert wait(hosting, name)["TransformJobStatus"] == "Completed"
        assert outputs(hosting, name) == {"1.out": b"once", "2.out": b"held"}
        assert hosting.s3.head_object(Bucket=BUCKET, Key=f"{name}/1.out")["LastModified"] == modified
        assert len(asked(hosting, name)) == 3
        assert nothing_is_left(engine, name)
