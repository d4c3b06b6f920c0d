"""Pure: a CreateTrainingJob request against the algorithm that it names (API TrainingSpecification).

Every check yields one sentence for each fault; AWS's own texts are not public.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from emulator.domain.algorithm import Algorithm, ChannelSpecification, TrainingSpecification
from emulator.domain.hyper_parameter_check import faults_of_specifications, faults_of_values
from emulator.domain.metric_definition import faults_of_regexes

Document = Mapping[str, Any]


def faults_of_request(algorithm: Algorithm, request: Document) -> Iterator[str]:
    """`request`: validated, with a ResourceConfig and an AlgorithmSpecification."""
    training = algorithm.training
    yield from _instances(training, request["ResourceConfig"])
    yield from _channels(training, request)
    yield from faults_of_values(training.supported_hyper_parameters, request.get("HyperParameters", {}))


def faults_of_specification(training: TrainingSpecification) -> Iterator[str]:
    """What cannot be meant in CreateAlgorithm."""
    names = [channel.name for channel in training.training_channels]
    if len(set(names)) < len(names):
        yield "names of TrainingChannels must be unique"
    metrics = [definition["Name"] for definition in training.metric_definitions]
    if len(set(metrics)) < len(metrics):
        yield "names of MetricDefinitions must be unique"
    yield from faults_of_regexes(training.metric_definitions)
    yield from faults_of_specifications(training.supported_hyper_parameters)


def _instances(training: TrainingSpecification, resources: Document) -> Iterator[str]:
    groups = resources.get("InstanceGroups") or [resources]
    supported = training.supported_training_instance_types
    for instance_type in dict.fromkeys(group["InstanceType"] for group in groups):
        if instance_type not in supported:
            yield f"instance type {instance_type} is not supported; supported are {', '.join(supported)}"
    if not training.supports_distributed_training and sum(group["InstanceCount"] for group in groups) > 1:
        yield "distributed training is not supported, so there can be one instance only"


def _channels(training: TrainingSpecification, request: Document) -> Iterator[str]:
    given = {channel["ChannelName"]: channel for channel in request.get("InputDataConfig") or []}
    known = {channel.name: channel for channel in training.training_channels}
    for name in given:
        if name not in known:
            yield f"channel {name} is not supported; supported are {', '.join(known)}"
    for name, specification in known.items():
        if name in given:
            yield from _channel(specification, given[name], request["AlgorithmSpecification"])
        elif specification.is_required:
            yield f"channel {name} is required"


def _channel(specification: ChannelSpecification, channel: Document, algorithm: Document) -> Iterator[str]:
    """A channel without ContentType has whatever the algorithm expects."""
    name = specification.name
    mode = channel.get("InputMode") or algorithm["TrainingInputMode"]
    asked = (
        ("content type", channel.get("ContentType"), specification.supported_content_types),
        (
            "compression type",
            channel.get("CompressionType", "None"),
            specification.supported_compression_types,
        ),
        ("input mode", mode, specification.supported_input_modes),
    )
    for what, value, supported in asked:
        if value is not None and supported and value not in supported:
            yield f"{what} {value} of channel {name} is not supported; supported are {', '.join(supported)}"
