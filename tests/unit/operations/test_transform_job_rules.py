from typing import Any

import pytest

from emulator.domain.errors import ServiceError
from emulator.operations.transform_job_rules import check_model_of_transform, check_transform_job
from tests.support.hosting_requests import (
    a_container,
    a_model_request,
    a_transform_input,
    a_transform_request,
)

Members = dict[str, Any]


def given(**members: Any) -> Members:
    return {"TransformInput": a_transform_input(**members)}


def processing(content_type: str = "text/csv", split_type: str = "Line", **members: Any) -> Members:
    return {**given(ContentType=content_type, SplitType=split_type), "DataProcessing": members}


def resources(instance_type: str, **members: Any) -> Members:
    return {"TransformResources": {"InstanceType": instance_type, "InstanceCount": 1, **members}}


ACCEPTED: dict[str, Members] = {
    "whole objects": {},
    "a manifest": given(s3_data_type="ManifestFile"),
    "lines": {**given(SplitType="Line", CompressionType="Gzip"), "BatchStrategy": "SingleRecord"},
    "a strategy without records": {"BatchStrategy": "MultiRecord"},
    "the most at a time": {"MaxConcurrentTransforms": 10, "MaxPayloadInMB": 10},
    "no limit": {"MaxConcurrentTransforms": 200, "MaxPayloadInMB": 0},
    "joined lines": processing(InputFilter="$[1:]", JoinSource="Input", OutputFilter="$[0,-1]"),
    "filters that filter nothing, of any data": {
        **given(SplitType="RecordIO"),
        "DataProcessing": {"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None"},
    },
}

REFUSED: dict[str, tuple[Members, str]] = {
    "a content type that is no header": (
        given(ContentType="text/csv\x0b"),
        "TransformInput.ContentType has a character that is not printable.",
    ),
    "a type of output that is no header": (
        {"TransformOutput": {"S3OutputPath": "s3://artifacts/", "Accept": "text/\x7fcsv"}},
        "TransformOutput.Accept has a character that is not printable.",
    ),
    "a variable that is none": (
        {"Environment": {"A": "1\x002"}},
        "The value of A in Environment has a NUL, which no environment can have.",
    ),
    "an augmented manifest": (
        given(s3_data_type="AugmentedManifestFile"),
        "cannot be used in a transform job",
    ),
    "conversations": (given(s3_data_type="Converse"), "support Converse as S3DataType"),
    "no URI of output": ({"TransformOutput": {"S3OutputPath": "out"}}, "is not an S3 URI"),
    "capture": ({"DataCaptureConfig": {"DestinationS3Uri": "s3://b"}}, "support DataCaptureConfig"),
    "an unknown size": (resources("ml.unheard.of"), "size is not public"),
    "a key for local disks": (resources("ml.g5.xlarge", VolumeKmsKeyId="k"), "VolumeKmsKeyId"),
    "too large a payload": ({"MaxPayloadInMB": 101}, "cannot be greater than 100; it is 101"),
    "too much at a time": (
        {"MaxConcurrentTransforms": 21, "MaxPayloadInMB": 5},
        "cannot exceed 100; it is 21 * 5",
    ),
    "joined binary records": (processing(split_type="TFRecord", JoinSource="Input"), "SplitType TFRecord"),
    "a join of unknown data": (
        processing("image/png", JoinSource="Input"),
        "DataProcessing needs ContentType",
    ),
    "no path": (processing(InputFilter="1:"), 'Invalid InputFilter: "1:"'),
}


@pytest.mark.parametrize("members", ACCEPTED.values(), ids=ACCEPTED)
def test_accepted(members: Members) -> None:
    request = a_transform_request(**members)
    assert check_transform_job(request) is None  # type: ignore[func-returns-value]


@pytest.mark.parametrize(("members", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(members: Members, message: str) -> None:
    with pytest.raises(ServiceError) as caught:
        check_transform_job(a_transform_request(**members))
    assert caught.value.code == "ValidationException"
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("container", "message"),
    [
        ({"ModelDataSource": {}}, "SageMaker Batch currently doesn't support"),
        ({"Mode": "MultiModel"}, "MultiModel"),
    ],
)
def test_models_that_only_serve_endpoints(container: Members, message: str) -> None:
    with pytest.raises(ServiceError) as caught:
        check_model_of_transform(a_model_request(PrimaryContainer=a_container(**container)))
    assert message in caught.value.message
