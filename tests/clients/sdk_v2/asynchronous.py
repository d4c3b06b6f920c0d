"""An archive of one's own becomes a model; requests and answers lie in S3, one of them a failure."""

import json
import tarfile
from pathlib import Path

import sagemaker
from sagemaker.async_inference import AsyncInferenceConfig, WaiterConfig
from sagemaker.deserializers import CSVDeserializer
from sagemaker.exceptions import AsyncInferenceModelError
from sagemaker.model import Model
from sagemaker.predictor import Predictor
from sagemaker.serializers import CSVSerializer

session = sagemaker.Session(default_bucket="sdk-v2")
patience = WaiterConfig(delay=1, max_attempts=30)

Path("model.json").write_text(json.dumps({"weights": [2.0, 0.0], "bias": 0.0}))
with tarfile.open("model.tar.gz", "w:gz") as tar:
    tar.add("model.json")
model = Model(
    image_uri="sagemaker-emulator-samples/logistic_regression",
    model_data=session.upload_data("model.tar.gz", key_prefix="asynchronous/model"),
    role="arn:aws:iam::123456789012:role/SageMakerRole",
    name="asynchronous",
    predictor_cls=Predictor,
    sagemaker_session=session,
)
predictor = model.deploy(
    1,
    "ml.m5.large",
    serializer=CSVSerializer(),
    deserializer=CSVDeserializer(),
    async_inference_config=AsyncInferenceConfig(
        output_path="s3://sdk-v2/asynchronous/output", failure_path="s3://sdk-v2/asynchronous/failed"
    ),
)

print("\nwaited for:", predictor.predict([[2.0, 0.5]], waiter_config=patience))
answer = predictor.predict_async([[-2.0, 0.5], [2.0, 0.5]])
print("looked up:", answer.get_result(patience))
print("output:", answer.output_path)
try:
    predictor.predict([[1.0, 2.0, 3.0]], waiter_config=patience)
except AsyncInferenceModelError as failure:
    print("failure:", str(failure).replace("\n", " "))

model.delete_model()
predictor.delete_endpoint()
