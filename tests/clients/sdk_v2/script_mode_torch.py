"""Script mode on two hosts that PyTorch connects by itself."""

import sagemaker
from sagemaker.inputs import TrainingInput
from sagemaker.pytorch import PyTorch

from emulator.sdk import activate

activate()
session = sagemaker.Session()
data = session.upload_data("data", key_prefix="script-mode-torch/data")

estimator = PyTorch(
    entry_point="train.py",
    source_dir="torch_source",
    image_uri="sagemaker-emulator-samples/script_mode_torch",
    framework_version="1.13.1",
    py_version="py39",
    base_job_name="script-mode-torch",
    role=sagemaker.get_execution_role(session),
    instance_count=2,
    instance_type="ml.m5.large",
    sagemaker_session=session,
)
estimator.fit({"train": TrainingInput(data, distribution="ShardedByS3Key")})
print("model:", estimator.model_data)
