"""boto3's CloudWatch client as it is today, and as older or other SDKs speak: one protocol at a time."""

from typing import Any

import boto3
import botocore.session
from botocore.config import Config

PROTOCOLS = ("json", "query", "smithy-rpc-v2-cbor")


def cloudwatch(endpoint: str, protocol: str, access_key: str = "test", region: str = "us-east-1") -> Any:
    """`query` is what botocore spoke up to 2025, inside older images and the AWS CLI v1."""
    session = botocore.session.get_session()
    loader = session.get_component("data_loader")
    load = loader.load_service_model

    def load_with_one_protocol(service: str, type_name: str, *args: Any, **kwargs: Any) -> Any:
        model = load(service, type_name, *args, **kwargs)
        if (service, type_name) != ("cloudwatch", "service-2"):
            return model
        metadata = {**model["metadata"], "protocol": protocol, "protocols": [protocol]}
        if protocol == "query":
            metadata.pop("awsQueryCompatible")
        return {**model, "metadata": metadata}

    loader.load_service_model = load_with_one_protocol
    keys = {"aws_access_key_id": access_key, "aws_secret_access_key": "secret"}
    config = Config(parameter_validation=False, retries={"total_max_attempts": 1})
    return boto3.Session(botocore_session=session, region_name=region, **keys).client(
        "cloudwatch", endpoint_url=endpoint, config=config
    )
