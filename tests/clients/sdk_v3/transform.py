"""Batch transform, nothing patched: an archive of one's own, the SDK's Transformer, and the resource's logs."""

import io
import json
import logging
import tarfile

import boto3
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.resources import Model
from sagemaker.core.shapes import ContainerDefinition
from sagemaker.core.transformer import Transformer

logging.basicConfig(level=logging.INFO)
session = Session(default_bucket="sdk-v3")
s3 = boto3.client("s3")
s3.create_bucket(Bucket="sdk-v3")


def put(key, body):
    s3.put_object(Bucket="sdk-v3", Key=key, Body=body)
    return f"s3://sdk-v3/{key}"


archive, weights = io.BytesIO(), json.dumps({"weights": [2.0, 0.0], "bias": 0.0}).encode()
with tarfile.open(fileobj=archive, mode="w:gz") as tar:
    member = tarfile.TarInfo("model.json")
    member.size = len(weights)
    tar.addfile(member, io.BytesIO(weights))
container = ContainerDefinition(
    image="sagemaker-emulator-samples/logistic_regression",
    model_data_url=put("transform/model.tar.gz", archive.getvalue()),
)
Model.create(
    model_name="transform",
    primary_container=container,
    execution_role_arn="arn:aws:iam::123456789012:role/SageMakerRole",
)
for part in range(2):
    put(f"transform/data/part-{part}.csv", f"{part},2.0,0.5\n{part},-2.0,0.5\n".encode())

transformer = Transformer(
    model_name="transform",
    instance_count=2,
    instance_type="ml.m5.large",
    strategy="MultiRecord",
    assemble_with="Line",
    accept="text/csv",
    output_path="s3://sdk-v3/transform/output",
    base_transform_job_name="transform",
    sagemaker_session=session,
)
transformer.transform(
    "s3://sdk-v3/transform/data",
    content_type="text/csv",
    split_type="Line",
    input_filter="$[1:]",  # the label is not for the model
    join_source="Input",
)
transformer.delete_model()
job = transformer.latest_transform_job
job.refresh()
print("\nstatus:", job.transform_job_status)
for each in s3.list_objects_v2(Bucket="sdk-v3", Prefix="transform/output/")["Contents"]:
    body = s3.get_object(Bucket="sdk-v3", Key=each["Key"])["Body"].read().decode()
    print(f"{each['Key']}:", body.split())
