"""The metrics of a finished job, from CloudWatch."""

import sys

import sagemaker
from sagemaker.analytics import TrainingJobAnalytics

session = sagemaker.Session(default_bucket="sdk-v2")
metrics = TrainingJobAnalytics(sys.argv[1], sagemaker_session=session).dataframe()
print("metrics:", len(metrics))
