from typing import Any

import pytest

from emulator.domain.errors import ServiceError
from emulator.operations.training_job_rules import check_rules
from tests.support.builders import a_channel, a_request, instance_groups

Members = dict[str, Any]

GROUPS = {"ResourceConfig": instance_groups(("a", "ml.m5.large", 1), ("b", "ml.g5.xlarge", 2))}
EFS = {
    "FileSystemId": "fs-0123456789",
    "FileSystemType": "EFS",
    "FileSystemAccessMode": "ro",
    "DirectoryPath": "/",
}
FILE_SYSTEM = {"FileSystemDataSource": EFS}
S3 = a_channel()["DataSource"]
AUGMENTED = {"S3DataType": "AugmentedManifestFile", "AttributeNames": ["source-ref"]}


def channel(name: str = "train", job_mode: str = "File", **members: Any) -> Members:
    return channels(job_mode, {**a_channel(name), **members})


def source(job_mode: str = "File", **members: Any) -> Members:
    return channels(job_mode, a_channel("train", **members))


def channels(job_mode: str, *documents: Members) -> Members:
    algorithm = {"TrainingImage": "i:1", "TrainingInputMode": job_mode}
    return {"AlgorithmSpecification": algorithm, "InputDataConfig": list(documents)}


def mode(name: str, own: str) -> Members:
    return {**a_channel(name), "InputMode": own}


ACCEPTED: dict[str, Members] = {
    "S3 URIs of both kinds": channels("File", a_channel("a"), a_channel("b", "https://bucket/x")),
    "a channel of two groups": {**source(InstanceGroupNames=["b", "a"]), **GROUPS},
    "None, spelt out": channel(CompressionType="None", RecordWrapperType="None"),
    "None, spelt out, for a file system": channel(CompressionType="None", DataSource=FILE_SYSTEM),
    "a name that begins with dots": channel("..."),
    "Pipe without channels": {**channels("Pipe"), "InputDataConfig": None},
    "Pipe for all, with compression and records": channel(
        job_mode="Pipe", CompressionType="Gzip", RecordWrapperType="RecordIO"
    ),
    "compression where the channel alone is Pipe": channel(InputMode="Pipe", CompressionType="Gzip"),
    "a shuffle in any mode": channel(ShuffleConfig={"Seed": -1}),
    "FastFile for all": channel(job_mode="FastFile"),
    "File where the job is FastFile": {
        **channel(job_mode="FastFile", InputMode="File", DataSource=FILE_SYSTEM),
    },
    "a manifest in File mode": source(S3DataType="ManifestFile"),
    "a manifest in Pipe mode": source("Pipe", S3DataType="ManifestFile"),
    "an augmented manifest": source("Pipe", **AUGMENTED),
    "no attributes, spelt out": source(AttributeNames=[]),
    "a file system": channel(DataSource=FILE_SYSTEM),
    "a name like an epoch of a File channel": channels("File", a_channel("t"), a_channel("t_0")),
    "a name unlike the epochs of a Pipe channel": channels(
        "Pipe", a_channel("t"), a_channel("t_00"), a_channel("t_x"), a_channel("u_0"), a_channel("_0")
    ),
}


@pytest.mark.parametrize("members", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_rules_accept(members: Members) -> None:
    check_rules(a_request(**members))


REFUSED: dict[str, tuple[Members, str]] = {
    "channels of one name": (
        channels("File", a_channel("a"), a_channel("b"), a_channel("a")),
        "Channel names must be unique in InputDataConfig",
    ),
    "a channel called .": (channel("."), "ChannelName ."),
    "a channel called ..": (channel(".."), "ChannelName .."),
    "a channel at the path of a FIFO": (
        channels("File", mode("t", "Pipe"), a_channel("t_17")),
        "Channel t_17 would be at the same path as epoch 17 of channel t",
    ),
    "compression in File mode": (
        channel("labels", CompressionType="Gzip"),
        "CompressionType Gzip of channel labels can only be used with input mode Pipe, not File",
    ),
    "records in FastFile mode": (
        channel("labels", InputMode="FastFile", RecordWrapperType="RecordIO"),
        "RecordWrapperType RecordIO of channel labels can only be used with input mode Pipe, not FastFile",
    ),
    "compression where the job alone is Pipe": (
        channel(job_mode="Pipe", InputMode="File", CompressionType="Gzip"),
        "CompressionType Gzip of channel train",
    ),
    "compression of a file system": (
        channel(DataSource=FILE_SYSTEM, CompressionType="Gzip"),
        "CompressionType Gzip of channel train",
    ),
    "a data set": (
        channel(DataSource={"DatasetSource": {"DatasetArn": "a"}}),
        "DatasetSource as the DataSource of channel train yet. Use S3DataSource or FileSystemDataSource",
    ),
    "no data source": (channel(DataSource={}), "The DataSource of channel train must have exactly one of"),
    "two data sources": (
        channel(DataSource={**S3, **FILE_SYSTEM}),
        "must have exactly one of S3DataSource and FileSystemDataSource",
    ),
    "a file system in Pipe mode": (
        channel(job_mode="Pipe", DataSource=FILE_SYSTEM),
        "FileSystemDataSource of channel train can only be used with input mode File, not Pipe",
    ),
    "a file system in FastFile mode": (
        channel(InputMode="FastFile", DataSource=FILE_SYSTEM),
        "can only be used with input mode File, not FastFile",
    ),
    "a manifest in FastFile mode": (
        source("FastFile", S3DataType="ManifestFile"),
        "S3DataType ManifestFile of channel train cannot be used with input mode FastFile, only S3Prefix",
    ),
    "an augmented manifest in FastFile mode": (
        source("FastFile", **AUGMENTED),
        "S3DataType AugmentedManifestFile of channel train cannot be used with input mode FastFile",
    ),
    "an augmented manifest in File mode": (
        source("File", **AUGMENTED),
        "S3DataType AugmentedManifestFile of channel train can only be used with input mode Pipe, not File",
    ),
    "an augmented manifest without attributes": (
        source("Pipe", S3DataType="AugmentedManifestFile"),
        "needs at least one of AttributeNames",
    ),
    "an augmented manifest with no attribute": (
        source("Pipe", S3DataType="AugmentedManifestFile", AttributeNames=[]),
        "needs at least one of AttributeNames",
    ),
    "attributes of a prefix": (
        source("Pipe", AttributeNames=["a"]),
        "AttributeNames of channel train can only be used with S3DataType AugmentedManifestFile",
    ),
    "attributes of a manifest": (
        source("Pipe", S3DataType="ManifestFile", AttributeNames=["a"]),
        "AttributeNames of channel train can only be used with",
    ),
    "conversations": (source(S3DataType="Converse"), "Converse as the S3DataType of channel train"),
    "a licence": (source(ModelAccessConfig={"AcceptEula": True}), "ModelAccessConfig"),
    "a hub": (source(HubAccessConfig={"HubContentArn": "a"}), "HubAccessConfig"),
    "an input that is no URI": (source(S3Uri="data"), "the S3Uri of channel train"),
    "a channel of an unknown group": (
        {**source(InstanceGroupNames=["a", "c", "d"]), **GROUPS},
        "Channel train names the instance groups c, d",
    ),
    "a channel of a group where there are none": (
        source(InstanceGroupNames=["a"]),
        "Channel train names the instance groups a",
    ),
    "the second channel": (
        channels("File", a_channel("good"), a_channel(".")),
        "ChannelName .",
    ),
}


@pytest.mark.parametrize(("members", "text"), REFUSED.values(), ids=REFUSED.keys())
def test_rules_refuse_and_name_channel_and_member(members: Members, text: str) -> None:
    with pytest.raises(ServiceError) as refusal:
        check_rules(a_request(**members))

    assert (refusal.value.code, refusal.value.status) == ("ValidationException", 400)
    assert text in refusal.value.message
