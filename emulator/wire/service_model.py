"""The API models that botocore ships: which operations exist, and the shapes of their input and output."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel

from emulator.wire.rest_route import find_route

EMULATED_SERVICES = ("sagemaker", "logs", "sts", "iam", "ecr", "cloudwatch", "sagemaker-metrics")


class Operation(NamedTuple):
    service: str
    """botocore's name of the service."""
    model: OperationModel


@dataclass(frozen=True)
class ServiceModels:
    """The models by botocore's name of the service."""

    models: Mapping[str, ServiceModel]

    @property
    def signing_names(self) -> frozenset[str]:
        """What requests to these services are signed for; `monitoring` is CloudWatch's, for example."""
        return frozenset(model.signing_name for model in self.models.values())

    def by_target(self, target: str) -> Operation | None:
        """The operation that an `X-Amz-Target` such as `SageMaker.CreateTrainingJob` names."""
        prefix, _, name = target.rpartition(".")
        for service, model in self.models.items():
            is_its_prefix = prefix != "" and model.metadata.get("targetPrefix") == prefix
            if is_its_prefix and name in model.operation_names:
                return Operation(service, model.operation_model(name))
        return None

    def by_action(self, action: str, version: str) -> Operation | None:
        """The operation that `Action=...&Version=...` names in the query protocol."""
        for service, model in self.models.items():
            protocols = model.metadata.get("protocols", [model.metadata["protocol"]])
            is_its_version = "query" in protocols and model.api_version == version
            if is_its_version and action in model.operation_names:
                return Operation(service, model.operation_model(action))
        return None

    def by_path(self, method: str, raw_path: str) -> Operation | None:
        """The rest-json operation at a path, percent-encoded as it came."""
        for service, model in self.models.items():
            route = find_route(model, method, raw_path)
            if route is not None:
                return Operation(service, route.model)
        return None

    def operations(self) -> frozenset[tuple[str, str]]:
        """All (service, operation name) that AWS has."""
        return frozenset((s, name) for s, model in self.models.items() for name in model.operation_names)


def load_service_models(services: Iterable[str] = EMULATED_SERVICES) -> ServiceModels:
    """Read the models from botocore's data, about 0.1 s for each large one."""
    loader = Loader(include_default_search_paths=True)
    loaded = {name: loader.load_service_model(name, "service-2") for name in services}
    return ServiceModels({name: ServiceModel(raw, name) for name, raw in loaded.items()})
