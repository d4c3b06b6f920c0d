"""An Estimator with an image of one's own: fit with live logs, artifacts, attach, stop."""

import time

import sagemaker
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput

# With a default_bucket the SDK never asks for the account at an address of its own, so nothing is patched.
session = sagemaker.Session(default_bucket="sdk-v2")
data = session.upload_data("data", key_prefix="data")

estimator = Estimator(
    image_uri="sagemaker-emulator-samples/logistic_regression",
    base_job_name="logistic-regression",
    role="arn:aws:iam::123456789012:role/SageMakerRole",
    instance_count=2,
    instance_type="ml.m5.large",
    hyperparameters={"epochs": 5, "seconds_per_epoch": 4},
    metric_definitions=[{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
    sagemaker_session=session,
)
estimator.fit({"train": TrainingInput(data, distribution="ShardedByS3Key")})
print("model:", estimator.model_data)

job_name = estimator.latest_training_job.name
print("attached:", Estimator.attach(job_name, sagemaker_session=session).model_data)

estimator.set_hyperparameters(epochs=1000)
estimator.fit({"train": data}, wait=False)
estimator.latest_training_job.stop()
estimator.latest_training_job.wait(logs="None")
while (status := estimator.latest_training_job.describe()["TrainingJobStatus"]) == "Stopping":
    time.sleep(1)  # the SDK's wait() ends as soon as the job is Stopping
print("stopped:", status)
