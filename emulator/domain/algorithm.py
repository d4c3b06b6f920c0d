"""Algorithm resources (CreateAlgorithm): what a training job may be, and what it gets, when it names one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from emulator.domain.arn import AlgorithmKey
from emulator.domain.image_name import ImageName
from emulator.domain.member import Member


class ChannelSpecification(Member):
    name: str
    is_required: bool = False
    supported_content_types: tuple[str, ...] = ()
    supported_compression_types: tuple[str, ...] = ()
    supported_input_modes: tuple[str, ...] = ()


class Range(Member):
    """API ParameterRange: one of the three, for the type of the hyperparameter."""

    integer_parameter_range_specification: Mapping[str, str] | None = None
    continuous_parameter_range_specification: Mapping[str, str] | None = None
    categorical_parameter_range_specification: Mapping[str, tuple[str, ...]] | None = None


class HyperParameterSpecification(Member):
    name: str
    type: str
    range: Range = Range()
    is_required: bool = False
    default_value: str | None = None


class TrainingSpecification(Member):
    training_image: str
    training_image_digest: str | None = None
    supported_hyper_parameters: tuple[HyperParameterSpecification, ...] = ()
    supported_training_instance_types: tuple[str, ...] = ()
    supports_distributed_training: bool = True
    metric_definitions: tuple[Mapping[str, str], ...] = ()
    training_channels: tuple[ChannelSpecification, ...] = ()

    @property
    def image(self) -> str:
        """What to run: with TrainingImageDigest, the image of that digest whatever the tag means now."""
        if self.training_image_digest is None:
            return self.training_image
        name = ImageName.parse(self.training_image)
        repository = f"{name.registry}/{name.repository}" if name.registry else name.repository
        return f"{repository}@{self.training_image_digest.lower()}"


@dataclass(frozen=True)
class Algorithm:
    key: AlgorithmKey
    creation_time: datetime
    document: Mapping[str, Any]
    """The request of CreateAlgorithm without Tags, in wire casing."""

    @property
    def arn(self) -> str:
        return self.key.arn

    @cached_property
    def training(self) -> TrainingSpecification:
        return TrainingSpecification.model_validate(self.document["TrainingSpecification"])

    def resolve(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The members of a CreateTrainingJob request that change when it names this algorithm.

        Hyperparameters that the request leaves out get their default values; metric definitions of the request are
        added to the algorithm's, of which those with the same name give way.
        """
        training, asked = self.training, request["AlgorithmSpecification"]
        own = asked.get("MetricDefinitions", [])
        names = {definition["Name"] for definition in own}
        metrics = [dict(each) for each in training.metric_definitions if each["Name"] not in names]
        given = {"TrainingImage": training.image, "MetricDefinitions": [*metrics, *own]}
        resolved: dict[str, Any] = {"AlgorithmSpecification": {**asked, **given}}
        parameters = {**training_defaults(training), **request.get("HyperParameters", {})}
        return {**resolved, "HyperParameters": parameters} if parameters else resolved


def training_defaults(training: TrainingSpecification) -> dict[str, str]:
    known = training.supported_hyper_parameters
    return {each.name: each.default_value for each in known if each.default_value is not None}
