from collections.abc import Iterator

from botocore.model import ListShape, MapShape, Shape, StructureShape

from emulator.domain.training_job_properties import property_kinds
from emulator.operations.search import NOT_SEARCHED
from emulator.wire.service_model import load_service_models

KINDS = {"string": "text", "timestamp": "time", "boolean": "boolean"}
SAGEMAKER = load_service_models(["sagemaker"]).models["sagemaker"]


def flatten(shape: StructureShape, prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, member in shape.members.items():
        path = f"{prefix}{name}"
        if isinstance(member, StructureShape):
            yield from flatten(member, f"{path}.")
        elif isinstance(member, MapShape):
            yield path, "map"
        elif isinstance(member, ListShape) and isinstance(member.member, StructureShape):
            yield path, "list"
            yield from flatten(member.member, f"{path}.")
        else:
            yield path, kind(member.member if isinstance(member, ListShape) else member)


def kind(shape: Shape) -> str:
    return KINDS.get(shape.type_name, "number")


def structure(name: str) -> StructureShape:
    shape = SAGEMAKER.shape_for(name)
    assert isinstance(shape, StructureShape)
    return shape


def test_the_properties_are_those_of_the_api_model() -> None:
    assert dict(flatten(structure("TrainingJob"))) == property_kinds()


def test_what_search_does_not_tell_is_what_only_describe_has() -> None:
    described, searched = structure("DescribeTrainingJobResponse"), structure("TrainingJob")
    assert described.members.keys() - searched.members.keys() == NOT_SEARCHED
