"""Script mode: the SDK uploads entry_point, source_dir and dependencies, and the toolkit in the image runs them."""

import sagemaker
from sagemaker.inputs import TrainingInput
from sagemaker.pytorch import PyTorch

from emulator.sdk import activate

# default_bucket() and get_execution_role() ask for the account at https://sts.<region>.amazonaws.com.
activate()
session = sagemaker.Session()
data = session.upload_data("data", key_prefix="script-mode/data")

estimator = PyTorch(
    entry_point="train.py",
    source_dir="source",
    dependencies=["library/reporting"],
    framework_version="2.5.1",
    py_version="py311",
    base_job_name="script-mode",
    role=sagemaker.get_execution_role(session),
    instance_count=2,
    instance_type="ml.m5.large",
    hyperparameters={"ridge": 0.1},
    sagemaker_session=session,
)
estimator.fit({"train": TrainingInput(data, distribution="ShardedByS3Key")})
print("model:", estimator.model_data)
