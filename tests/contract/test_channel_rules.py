"""What CreateTrainingJob accepts and refuses of InputDataConfig, with the real boto3 and scripted containers."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.compute.fake import FakeBackend
from tests.support.emulator_server import (
    ROLE,
    RunningEmulator,
    job_request,
    running_emulator,
    s3_channel,
    wait_for_status,
)

EFS = "fs-0123456789"
DATA_SET = "arn:aws:sagemaker:us-east-1:123456789012:hub-content/hub/DataSet/name/1.0.0"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    directory = tmp_path_factory.mktemp("efs")
    (directory / "train").mkdir()
    (directory / "file").touch()
    (directory / "out").symlink_to("/")
    file_systems = {EFS: directory, "fs-00000000": Path("/nowhere/at/all")}
    data = tmp_path_factory.mktemp("data")
    with running_emulator(data, FakeBackend(), file_systems=file_systems) as running:
        s3 = running.client("s3")
        for bucket in ("artifacts", "inputs"):
            s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket="inputs", Key="train/a", Body=b"a")
        s3.put_object(Bucket="inputs", Key="lines.manifest", Body=b'{"v": 1}\n')
        for name, names in {"good": ["a"], "missing": ["a", "b"], "bad": [7]}.items():
            manifest = json.dumps([{"prefix": "s3://inputs/train/"}, *names])
            s3.put_object(Bucket="inputs", Key=f"{name}.manifest", Body=manifest.encode())
        yield running


@pytest.fixture(scope="module")
def sagemaker(running: RunningEmulator) -> Any:
    return running.client("sagemaker")


def channel(uri: str = "s3://inputs/train/", **members: Any) -> dict[str, Any]:
    """An S3 channel; `members` are added or replace."""
    return {**s3_channel("train", uri), **members}


def s3_source(data_type: str, uri: str, **source: Any) -> dict[str, Any]:
    return {"DataSource": {"S3DataSource": {"S3DataType": data_type, "S3Uri": uri, **source}}}


def file_system(path: str, name: str = EFS) -> dict[str, Any]:
    source = {
        "FileSystemId": name,
        "FileSystemType": "EFS",
        "FileSystemAccessMode": "ro",
        "DirectoryPath": path,
    }
    return {"DataSource": {"FileSystemDataSource": source}}


def refusal(sagemaker: Any, **members: Any) -> str:
    with pytest.raises(ClientError) as caught:
        sagemaker.create_training_job(**job_request("refused", InputDataConfig=[channel(**members)]))
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    with pytest.raises(ClientError):
        sagemaker.describe_training_job(TrainingJobName="refused")
    return str(caught.value.response["Error"]["Message"])


LINES = "s3://inputs/lines.manifest"
REFUSED = {
    "Gzip in File mode": (
        {"CompressionType": "Gzip"},
        "CompressionType Gzip of channel train can only be used with input mode Pipe, not File.",
    ),
    "RecordIO in FastFile mode": (
        {"InputMode": "FastFile", "RecordWrapperType": "RecordIO"},
        "RecordWrapperType RecordIO of channel train can only be used with input mode Pipe, not FastFile.",
    ),
    "an augmented manifest in File mode": (
        s3_source("AugmentedManifestFile", LINES, AttributeNames=["v"]),
        "S3DataType AugmentedManifestFile of channel train can only be used with input mode Pipe, not File.",
    ),
    "an augmented manifest without attributes": (
        {"InputMode": "Pipe", **s3_source("AugmentedManifestFile", LINES)},
        "S3DataType AugmentedManifestFile of channel train needs at least one of AttributeNames.",
    ),
    "attributes of a prefix": (
        s3_source("S3Prefix", "s3://inputs/train/", AttributeNames=["v"]),
        "AttributeNames of channel train can only be used with S3DataType AugmentedManifestFile.",
    ),
    "a manifest in FastFile mode": (
        {"InputMode": "FastFile", **s3_source("ManifestFile", "s3://inputs/good.manifest")},
        "S3DataType ManifestFile of channel train cannot be used with input mode FastFile, only S3Prefix.",
    ),
    "conversations": (
        s3_source("Converse", "s3://inputs/train/"),
        "The emulator does not support Converse as the S3DataType of channel train yet. "
        "Use S3Prefix, ManifestFile, AugmentedManifestFile.",
    ),
    "a data set": (
        {"DataSource": {"DatasetSource": {"DatasetArn": DATA_SET}}},
        "The emulator does not support DatasetSource as the DataSource of channel train yet. "
        "Use S3DataSource or FileSystemDataSource.",
    ),
    "no data source": (
        {"DataSource": {}},
        "The DataSource of channel train must have exactly one of S3DataSource and FileSystemDataSource.",
    ),
    "a file system in Pipe mode": (
        {"InputMode": "Pipe", **file_system("/train")},
        "The FileSystemDataSource of channel train can only be used with input mode File, not Pipe.",
    ),
    "an unknown file system": (
        file_system("/train", name="fs-99999999"),
        "Channel train: the file system fs-99999999 is not configured; start the emulator with "
        "SAGEMAKER_EMULATOR_FILE_SYSTEMS=fs-99999999=/a/directory.",
    ),
    "a file system whose directory is gone": (
        file_system("/train", name="fs-00000000"),
        "Channel train: the file system fs-00000000 has no directory '/train' that can be read.",
    ),
    "a directory that is not there": (
        file_system("/missing"),
        f"Channel train: the file system {EFS} has no directory '/missing' that can be read.",
    ),
    "a directory above": (
        file_system("/train/../.."),
        "Channel train: the DirectoryPath '/train/../..' is not the full path to a directory; leave out '..'.",
    ),
    "a link out": (
        file_system("/out/etc"),
        f"Channel train: the DirectoryPath '/out/etc' leads out of the file system {EFS}.",
    ),
    "a file": (
        file_system("/file"),
        f"Channel train: the DirectoryPath '/file' of the file system {EFS} is not a directory.",
    ),
}


@pytest.mark.parametrize(("members", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_create_refuses_a_channel(sagemaker: Any, members: dict[str, Any], message: str) -> None:
    assert refusal(sagemaker, **members) == message


@pytest.mark.parametrize("data_type", ["ManifestFile", "AugmentedManifestFile"])
@pytest.mark.parametrize(
    ("uri", "fault"),
    [
        ("s3://inputs/no.manifest", "The specified key does not exist."),
        ("s3://inputs/good.mani", "The specified key does not exist."),
        ("s3://inputs", "The specified key does not exist."),
        ("s3://no-such-bucket/x", "The specified bucket does not exist"),
    ],
)
def test_create_refuses_a_manifest_that_is_not_there(
    sagemaker: Any, data_type: str, uri: str, fault: str
) -> None:
    names = {"AttributeNames": ["v"]} if data_type == "AugmentedManifestFile" else {}

    message = refusal(sagemaker, InputMode="Pipe", **s3_source(data_type, uri, **names))

    bucket = uri.split("/")[2]
    assert message == (
        f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket '
        "exists in the selected region (us-east-1), that objects exist under that S3 prefix, and that the role "
        f'"{ROLE}" has "s3:ListBucket" permissions on bucket "{bucket}". Error message from S3: {fault}'
    )


def test_create_refuses_seventeen_attributes_by_the_shape(sagemaker: Any) -> None:
    source = s3_source("AugmentedManifestFile", LINES, AttributeNames=[f"a{n}" for n in range(17)])

    message = refusal(sagemaker, InputMode="Pipe", **source)

    assert (
        "attributeNames' failed to satisfy constraint: Member must have length less than or equal to 16"
        in (message)
    )


def test_create_accepts_every_kind_of_channel(sagemaker: Any) -> None:
    pipe = {"InputMode": "Pipe", "CompressionType": "Gzip", "RecordWrapperType": "RecordIO"}
    augmented = s3_source("AugmentedManifestFile", LINES, AttributeNames=["v"])
    channels = [
        channel(ShuffleConfig={"Seed": 1}),
        {**channel(**pipe), "ChannelName": "piped"},
        {**channel(InputMode="FastFile"), "ChannelName": "fast"},
        {**channel(**s3_source("ManifestFile", "s3://inputs/good.manifest")), "ChannelName": "manifest"},
        {**channel(InputMode="Pipe", **augmented), "ChannelName": "augmented"},
        {**channel(**file_system("/train")), "ChannelName": "efs"},
    ]

    sagemaker.create_training_job(**job_request("accepted", InputDataConfig=channels))

    job = sagemaker.describe_training_job(TrainingJobName="accepted")
    told = {one["ChannelName"]: one for one in job["InputDataConfig"]}
    replicated = {**augmented["DataSource"]["S3DataSource"], "S3DataDistributionType": "FullyReplicated"}
    assert told["augmented"]["DataSource"] == {"S3DataSource": replicated}
    assert told["efs"]["DataSource"] == file_system("/train")["DataSource"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("bad", "element 2 is not a string: 7."),
        ("missing", "element 3 names s3://inputs/train/b: NoSuchKey: The specified key does not exist."),
    ],
)
def test_a_faulty_manifest_fails_the_job(sagemaker: Any, name: str, reason: str) -> None:
    uri = f"s3://inputs/{name}.manifest"
    channels = [channel(**s3_source("ManifestFile", uri))]

    sagemaker.create_training_job(**job_request(name, InputDataConfig=channels))

    job = wait_for_status(sagemaker, name, "Failed")
    assert (
        job["FailureReason"]
        == f"ClientError: Data download failed:channel train: the manifest {uri}: {reason}"
    )


def test_a_good_manifest_trains(sagemaker: Any) -> None:
    channels = [channel(**s3_source("ManifestFile", "s3://inputs/good.manifest"))]

    sagemaker.create_training_job(**job_request("good", InputDataConfig=channels))

    assert "FailureReason" not in wait_for_status(sagemaker, "good", "Completed")
