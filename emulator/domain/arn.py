"""Amazon Resource Names of SageMaker's resources."""

from typing import NamedTuple


class TrainingJobKey(NamedTuple):
    """What names a training job: names are unique within an account and a Region."""

    account_id: str
    region: str
    name: str

    @property
    def arn(self) -> str:
        """The job's ARN. The name is lower-cased in it, as real ARNs show."""
        return f"arn:aws:sagemaker:{self.region}:{self.account_id}:training-job/{self.name.lower()}"


class AlgorithmKey(NamedTuple):
    """What names an algorithm, as it does a training job."""

    account_id: str
    region: str
    name: str

    @property
    def arn(self) -> str:
        return f"arn:aws:sagemaker:{self.region}:{self.account_id}:algorithm/{self.name.lower()}"


class ResourceKey(NamedTuple):
    """What names any other resource of SageMaker."""

    account_id: str
    region: str
    kind: str
    """As ARNs have it: `model`, `endpoint-config`, `endpoint`, `transform-job`."""
    name: str

    @property
    def arn(self) -> str:
        return f"arn:aws:sagemaker:{self.region}:{self.account_id}:{self.kind}/{self.name.lower()}"
