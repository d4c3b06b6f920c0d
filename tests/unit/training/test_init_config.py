from typing import Any

import pytest

from emulator.training.init_config import SPELLINGS, init_channel
from emulator.wire.service_model import load_service_models
from tests.support.builders import a_channel, a_request, read_request


def channel_of(document: dict[str, Any], job_mode: str = "File") -> dict[str, Any]:
    algorithm = {"TrainingImage": "i", "TrainingInputMode": job_mode}
    request = read_request(a_request(InputDataConfig=[document], AlgorithmSpecification=algorithm))
    return init_channel(request, request.input_data_config[0])


def test_init_channel_is_that_of_a_real_job() -> None:
    document = a_channel("data", "s3://b/input", S3DataDistributionType="ShardedByS3Key")

    assert channel_of(document) == {
        "s3DataSource": {
            "s3DataType": "S3_PREFIX",
            "s3Uri": "s3://b/input",
            "s3DataDistributionType": "SHARDED_BY_S3_KEY",
            "attributeNames": None,
        },
        "fileSystemDataSource": None,
        "compressionType": "NONE",
        "recordWrapper": "NONE",
        "shuffleConfig": None,
        "inputMode": "FILE",
        "sharded": True,
    }


def test_init_channel_tells_all_that_a_pipe_can_have() -> None:
    source = {"S3DataType": "AugmentedManifestFile", "AttributeNames": ["source-ref", "label"]}
    formats = {"CompressionType": "Gzip", "RecordWrapperType": "RecordIO", "ShuffleConfig": {"Seed": -7}}

    channel = channel_of({**a_channel("c", **source), **formats}, "Pipe")

    assert channel["s3DataSource"]["s3DataType"] == "AUGMENTED_MANIFEST_FILE"
    assert channel["s3DataSource"]["attributeNames"] == ["source-ref", "label"]
    assert (channel["compressionType"], channel["recordWrapper"]) == ("GZIP", "RECORD_IO")
    assert (channel["shuffleConfig"], channel["inputMode"]) == ({"seed": -7}, "PIPE")


@pytest.mark.parametrize(("own", "told"), [("FastFile", "FAST_FILE"), ("Pipe", "PIPE"), ("File", "FILE")])
def test_init_channel_tells_the_channel_s_own_mode(own: str, told: str) -> None:
    assert channel_of({**a_channel(), "InputMode": own}, "Pipe")["inputMode"] == told


def test_init_channel_of_a_file_system() -> None:
    source = {
        "FileSystemId": "fs-0123456789",
        "FileSystemType": "FSxLustre",
        "FileSystemAccessMode": "rw",
        "DirectoryPath": "/fsx/data",
    }

    channel = channel_of({"ChannelName": "c", "DataSource": {"FileSystemDataSource": source}})

    assert channel["s3DataSource"] is None
    assert channel["sharded"] is False
    assert channel["fileSystemDataSource"] == {
        "fileSystemId": "fs-0123456789",
        "fileSystemAccessMode": "RW",
        "fileSystemType": "FSX_LUSTRE",
        "directoryPath": "/fsx/data",
    }


def test_spellings_are_there_for_every_value_of_the_api_but_the_refused_one() -> None:
    model = load_service_models().by_target("SageMaker.CreateTrainingJob")
    assert model is not None
    channel = model.model.input_shape.members["InputDataConfig"].member
    sources = channel.members["DataSource"].members
    shapes = [
        *(channel.members[name] for name in ("CompressionType", "RecordWrapperType", "InputMode")),
        *(sources["S3DataSource"].members[name] for name in ("S3DataType", "S3DataDistributionType")),
        *(
            sources["FileSystemDataSource"].members[name]
            for name in ("FileSystemType", "FileSystemAccessMode")
        ),
    ]

    assert {value for shape in shapes for value in shape.enum} - SPELLINGS.keys() == {"Converse"}
