"""ModelTrainer with the image's own program and data in S3, nothing patched; then attach, and stop."""

import logging

import boto3
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.resources import TrainingJob
from sagemaker.core.shapes import S3DataSource
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, OutputDataConfig

logging.basicConfig(level=logging.INFO)
# With a default_bucket and an output path the SDK never asks for the account at an address of its own.
session = Session(default_bucket="sdk-v3")
s3 = boto3.client("s3")
s3.create_bucket(Bucket="sdk-v3")
for part in range(2):
    s3.put_object(Bucket="sdk-v3", Key=f"data/part-{part}.csv", Body=b"1,0.5,0.1\n0,-0.4,0.3\n" * 50)
data = S3DataSource(
    s3_data_type="S3Prefix", s3_uri="s3://sdk-v3/data/", s3_data_distribution_type="ShardedByS3Key"
)


def trainer(**hyperparameters):
    return ModelTrainer(
        training_image="sagemaker-emulator-samples/logistic_regression",
        compute=Compute(instance_type="ml.m5.large", instance_count=2),
        hyperparameters=hyperparameters,
        input_data_config=[InputData(channel_name="train", data_source=data)],
        output_data_config=OutputDataConfig(s3_output_path="s3://sdk-v3/output"),
        base_job_name="without-bridge",
        role="arn:aws:iam::123456789012:role/SageMakerRole",
        sagemaker_session=session,
    )


first = trainer(epochs=3)
first.train(wait=False)
job = TrainingJob.get(first._latest_training_job.training_job_name)
job.wait(logs=True)
print("model:", job.model_artifacts.s3_model_artifacts)

second = trainer(epochs=1000, seconds_per_epoch=1)
second.train(wait=False)
second._latest_training_job.stop()
second._latest_training_job.wait()
print("stopped:", second._latest_training_job.training_job_status)
