"""Train, deploy what was trained, predict, and deploy the artifact once more from S3."""

import sagemaker
from sagemaker.deserializers import CSVDeserializer, JSONDeserializer
from sagemaker.estimator import Estimator
from sagemaker.model import Model
from sagemaker.predictor import Predictor
from sagemaker.serializers import CSVSerializer, JSONSerializer

session = sagemaker.Session(default_bucket="sdk-v2")
settings = {
    "image_uri": "sagemaker-emulator-samples/logistic_regression",
    "role": "arn:aws:iam::123456789012:role/SageMakerRole",
    "sagemaker_session": session,
}

estimator = Estimator(
    instance_count=1,
    instance_type="ml.m5.large",
    hyperparameters={"epochs": 50},
    base_job_name="deploy",
    **settings,
)
estimator.fit({"train": session.upload_data("data", key_prefix="deploy/data")}, logs=False)

predictor = estimator.deploy(1, "ml.m5.large", serializer=CSVSerializer(), deserializer=CSVDeserializer())
print("\nprobability and class:", predictor.predict([[2.0, 0.5], [-2.0, 0.5]]))
predictor.delete_model()
predictor.delete_endpoint()

model = Model(name="from-s3", model_data=estimator.model_data, predictor_cls=Predictor, **settings)
predictor = model.deploy(2, "ml.m5.large", serializer=JSONSerializer(), deserializer=JSONDeserializer())
print("\npredictions:", predictor.predict({"instances": [[2.0, 0.5]]})["predictions"])
print("streamed:", b"".join(predictor.predict_stream({"instances": [[-2.0, 0.5]]})).decode())
model.delete_model()
predictor.delete_endpoint()
print("job:", estimator.latest_training_job.name)
