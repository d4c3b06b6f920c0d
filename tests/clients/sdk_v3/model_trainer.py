"""ModelTrainer with source code: the SDK brings its own drivers, any image with bash, Python and pip will do."""

import logging

from sagemaker.core.helper.session_helper import Session
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, SourceCode

from emulator.sdk import activate

logging.basicConfig(level=logging.INFO)  # the SDK passes the log lines of the job to `logging`
activate()  # default_bucket() asks for the account at https://sts.<region>.amazonaws.com
session = Session()

trainer = ModelTrainer(
    training_image="sagemaker-emulator-samples/logistic_regression",
    source_code=SourceCode(source_dir="source", entry_script="train.py"),
    compute=Compute(instance_type="ml.m5.large", instance_count=2),
    hyperparameters={"ridge": 0.1},
    base_job_name="model-trainer",
    sagemaker_session=session,
)
trainer.train([InputData(channel_name="train", data_source="data")], wait=True, logs=True)
job = trainer._latest_training_job
print("model:", job.model_artifacts.s3_model_artifacts)
