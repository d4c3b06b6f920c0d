"""A built-in algorithm: XGBoost with CSV channels and its metrics in the log."""

import sagemaker
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput

session = sagemaker.Session(default_bucket="sdk-v2")
channels = {
    "train": TrainingInput(session.upload_data("data", key_prefix="train"), content_type="text/csv"),
    "validation": TrainingInput(
        session.upload_data("data", key_prefix="validation"), content_type="text/csv"
    ),
}

estimator = Estimator(
    image_uri=sagemaker.image_uris.retrieve("xgboost", session.boto_region_name, "1.7-1"),
    role="arn:aws:iam::123456789012:role/SageMakerRole",
    instance_count=2,
    instance_type="ml.m5.large",
    base_job_name="xgboost",
    output_path="s3://sdk-v2/models",
    metric_definitions=[{"Name": "validation:logloss", "Regex": r".*#011validation-logloss:(\S+)"}],
    hyperparameters={
        "objective": "binary:logistic",
        "num_round": 5,
        "max_depth": 3,
        "eval_metric": "logloss",
    },
    sagemaker_session=session,
)
estimator.fit(channels)
print("model:", estimator.model_data)
