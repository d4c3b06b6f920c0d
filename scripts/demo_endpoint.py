"""The end of the demo: the model just trained answers predictions, through plain boto3."""

from __future__ import annotations

import json
from typing import Any

ROLE = "arn:aws:iam::000000000000:role/SageMakerRole"
POLL = {"Delay": 0.2, "MaxAttempts": 600}
"""Seconds between two looks of a waiter; boto3's own are 30 apart."""


def deploy(sagemaker: Any, name: str, image: str, artifact: str) -> None:
    """CreateModel, CreateEndpointConfig and CreateEndpoint, all of one name; returns when it is InService."""
    container = {"Image": image, "ModelDataUrl": artifact}
    sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": name,
        "InitialInstanceCount": 1,
        "InstanceType": "ml.m5.large",
    }
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig=POLL)
    endpoint = sagemaker.describe_endpoint(EndpointName=name)
    seconds = (endpoint["LastModifiedTime"] - endpoint["CreationTime"]).total_seconds()
    print(f"   {name} is {endpoint['EndpointStatus']} after {seconds:.1f} s")


def predict(runtime: Any, name: str, rows: list[list[float]]) -> None:
    """Each row is a label and its features, of which the endpoint is told only the features."""
    body = "\n".join(",".join(f"{cell:.4f}" for cell in features) for _label, *features in rows)
    answer = runtime.invoke_endpoint(
        EndpointName=name, ContentType="text/csv", Accept="application/json", Body=body
    )
    predictions = json.load(answer["Body"])["predictions"]
    for line, row, prediction in zip(body.splitlines(), rows, predictions, strict=True):
        said = f"class {prediction['class']}, probability of 1 is {prediction['probability']:.3f}"
        print(f"   {line:<42} {said}; in truth {row[0]:.0f}")


def delete(sagemaker: Any, name: str) -> None:
    """Returns when the endpoint is gone."""
    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig=POLL)
    sagemaker.delete_endpoint_config(EndpointConfigName=name)
    sagemaker.delete_model(ModelName=name)
    print(f"   {len(sagemaker.list_endpoints()['Endpoints'])} endpoints are left")
