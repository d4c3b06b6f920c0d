"""ModelTrainer, then ModelBuilder: train, deploy what was trained, predict."""

import json

from sagemaker.core.helper.session_helper import Session
from sagemaker.core.resources import EndpointConfig
from sagemaker.serve import ModelBuilder
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData

from emulator.sdk import activate

activate()  # default_bucket() asks for the account at https://sts.<region>.amazonaws.com
session = Session()
image = "sagemaker-emulator-samples/logistic_regression"

trainer = ModelTrainer(
    training_image=image,
    compute=Compute(instance_type="ml.m5.large", instance_count=1),
    hyperparameters={"epochs": 50},
    base_job_name="model-builder",
    sagemaker_session=session,
)
trainer.train([InputData(channel_name="train", data_source="data")], wait=True, logs=False)

builder = ModelBuilder(
    image_uri=image,
    s3_model_data_url=trainer._latest_training_job.model_artifacts.s3_model_artifacts,
    instance_type="ml.m5.large",
    sagemaker_session=session,
)
model = builder.build()
endpoint = builder.deploy(endpoint_name="model-builder")
answer = endpoint.invoke(body="2.0,0.5", content_type="text/csv", accept="application/json")
print("prediction:", json.loads(answer.body.read())["predictions"][0])

endpoint.delete()
endpoint.wait_for_delete()
EndpointConfig.get(endpoint.endpoint_config_name).delete()
model.delete()
