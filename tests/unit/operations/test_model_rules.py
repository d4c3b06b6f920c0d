from typing import Any

import pytest

from emulator.domain.errors import ServiceError
from emulator.operations.model_rules import check_model
from tests.support.hosting_requests import a_container, a_model_request

Members = dict[str, Any]

ROLE = "arn:aws:iam::111122223333:role/x"


def primary(**members: Any) -> Members:
    return {"PrimaryContainer": a_container(**members)}


def pipeline(*containers: Members, **members: Any) -> Members:
    return {"PrimaryContainer": None, "Containers": list(containers), **members}


def source(uri: str, kind: str, compression: str, **members: Any) -> Members:
    data = {"S3Uri": uri, "S3DataType": kind, "CompressionType": compression, **members}
    return primary(ModelDataSource={"S3DataSource": data})


def multi(**members: Any) -> Members:
    return a_container(**{"Mode": "MultiModel", "ModelDataUrl": "s3://b/models/", **members})


DIRECT = {"InferenceExecutionConfig": {"Mode": "Direct"}}
A, B = a_container(ContainerHostname="a"), a_container(ContainerHostname="b")

ACCEPTED: dict[str, Members] = {
    "a container without artifacts": {},
    "an archive": primary(ModelDataUrl="s3://b/model.tar.gz"),
    "an archive of any name": primary(ModelDataUrl="s3://b/model"),
    "single files": source("s3://b/model/", "S3Prefix", "None"),
    "one file": source("s3://b/model.bin", "S3Object", "None"),
    "an empty list of Containers beside the primary one": {"Containers": []},
    "Containers of one": pipeline(a_container()),
    "a pipeline": pipeline(a_container(), a_container(), InferenceExecutionConfig={"Mode": "Serial"}),
    "a pipeline that is called directly": pipeline(A, B, **DIRECT),
    "many models": {"PrimaryContainer": multi(MultiModelConfig={"ModelCacheSetting": "Enabled"})},
    "the platform's registry": primary(ImageConfig={"RepositoryAccessMode": "Platform"}),
    "a full environment": primary(Environment={"A": "x" * (32 * 1024 - 1)}),
    "what is only told again": {"VpcConfig": {"SecurityGroupIds": ["s"], "Subnets": ["s"]}},
}

REFUSED: dict[str, tuple[Members, str]] = {
    "no container": ({"PrimaryContainer": None}, "either PrimaryContainer or Containers"),
    "both kinds of containers": ({"Containers": [a_container()]}, "and not both"),
    "a variable that is none": (
        primary(Environment={"A": "1\x002"}),
        "The value of A in Environment has a NUL",
    ),
    "no image": (primary(Image=None), "Specify one of either Image and Model Data URL or ModelPackageName"),
    "image and package": (primary(ModelPackageName="p"), "Specify one of either Image"),
    "a package": (primary(Image=None, ModelPackageName="p"), "support ModelPackageName"),
    "an inference specification": (primary(InferenceSpecificationName="i"), "InferenceSpecificationName"),
    "more model data": (primary(AdditionalModelDataSources=[]), "AdditionalModelDataSources"),
    "scraped metrics": (primary(ContainerMetricsConfig={}), "ContainerMetricsConfig"),
    "a registry in a VPC": (primary(ImageConfig={"RepositoryAccessMode": "Vpc"}), "support Vpc"),
    "two places of data": (
        {
            "PrimaryContainer": {
                **source("s3://b/m", "S3Object", "Gzip")["PrimaryContainer"],
                "ModelDataUrl": "s3://b/m",
            }
        },
        "either ModelDataUrl or ModelDataSource",
    ),
    "an empty data source": (primary(ModelDataSource={}), "must have an S3DataSource"),
    "a hub": (source("s3://b/m", "S3Object", "Gzip", HubAccessConfig={}), "support HubAccessConfig"),
    "an agreement": (source("s3://b/m", "S3Object", "Gzip", ModelAccessConfig={}), "ModelAccessConfig"),
    "a manifest": (source("s3://b/m/", "S3Prefix", "None", ManifestS3Uri="s3://b/m"), "ManifestS3Uri"),
    "a compressed prefix": (source("s3://b/m/", "S3Prefix", "Gzip"), "needs S3DataType S3Object"),
    "a prefix without a slash": (source("s3://b/m", "S3Prefix", "None"), "must end with a slash"),
    "direct calls of one container": (DIRECT, "at least two Containers"),
    "direct calls without names": (pipeline(a_container(), a_container(), **DIRECT), "ContainerHostname"),
    "some names": (pipeline(A, a_container()), "Every container must have a ContainerHostname"),
    "equal names": (pipeline(A, A), "ContainerHostname must be unique"),
    "many models twice": (pipeline(multi(), multi()), "More than one container in MultiModel mode"),
    "many models in a pipeline": (pipeline(A, {**multi(), "ContainerHostname": "b"}), "support MultiModel"),
    "many models nowhere": ({"PrimaryContainer": multi(ModelDataUrl=None)}, "needs ModelDataUrl"),
    "models that are not kept": (
        {"PrimaryContainer": multi(MultiModelConfig={"ModelCacheSetting": "Disabled"})},
        "support Disabled as ModelCacheSetting",
    ),
    "too large an environment": (
        pipeline(a_container(Environment={"A": "x" * 16_384}), a_container(Environment={"A": "x" * 16_383})),
        "32769 bytes",
    ),
}


@pytest.mark.parametrize("members", ACCEPTED.values(), ids=ACCEPTED)
def test_accepted(members: Members) -> None:
    request = a_model_request(ExecutionRoleArn=ROLE, **members)
    assert check_model(request) is None  # type: ignore[func-returns-value]


@pytest.mark.parametrize(("members", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(members: Members, message: str) -> None:
    with pytest.raises(ServiceError) as caught:
        check_model(a_model_request(**members))
    assert caught.value.code == "ValidationException"
    assert message in caught.value.message
