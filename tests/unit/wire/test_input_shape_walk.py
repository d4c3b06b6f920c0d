"""Every constraint of CreateTrainingJob's input, broken once, is reported in AWS's words at its path."""

import copy
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import regex
from botocore.model import Shape

from emulator.domain.errors import ServiceError
from emulator.wire.service_model import load_service_models
from emulator.wire.validation import check

SHAPE = load_service_models().models["sagemaker"].operation_model("CreateTrainingJob").input_shape
COLLECTION_WORDS = {
    "list": "Member must satisfy constraint: [",
    "key": "Map keys must satisfy constraint: [",
    "value": "Map value must satisfy constraint: [",
}
STRINGS = (
    "a",
    "1K",
    "s3://bucket/key",
    "arn:aws:iam::111122223333:role/name",
    "arn:aws:lambda:us-east-1:111122223333:function:name",
    "fs-0123456789",
    "arn:aws:sagemaker:us-east-1:111122223333:training-plan/plan",
    "arn:aws:sagemaker:us-east-1:111122223333:mlflow-tracking-server/name",
    "arn:aws:sagemaker:us-east-1:111122223333:model-package-group/name",
    "arn:aws:sagemaker:us-east-1:111122223333:model-package/name",
    "arn:aws:sagemaker:us-east-1:111122223333:hub-content/hub/DataSet/name",
    "arn:aws:sagemaker:us-east-1:111122223333:hub-content/hub/Model/name",
)
BAD_STRINGS = ("\n", "$", "\u20ac")


class Break(NamedTuple):
    """A value to put at `place`, and the fault that must follow."""

    place: tuple[Any, ...]
    value: Any
    path: str
    text: str
    collection: str = ""
    """The words before the bracket, where a whole list or map is reported."""


def sample(shape: Shape) -> Any:
    """A valid value with every member present."""
    if shape.type_name == "structure":
        return {name: sample(member) for name, member in shape.members.items()}
    if shape.type_name == "list":
        return [sample(shape.member)]
    if shape.type_name == "map":
        return {sample(shape.key): sample(shape.value)}
    if shape.type_name == "string":
        return sample_string(shape)
    return True if shape.type_name == "boolean" else max(1, shape.metadata.get("min", 1))


def sample_string(shape: Shape) -> str:
    if shape.metadata.get("enum"):
        return str(shape.metadata["enum"][0])
    low, pattern = shape.metadata.get("min", 0), shape.metadata.get("pattern", "(?s).*")
    candidates = [text.ljust(low, "x") for text in STRINGS]
    return next(text for text in candidates if regex.fullmatch(pattern, text))


def breaks(shape: Shape, place: tuple[Any, ...], path: str) -> Iterator[Break]:
    for value, text in own_breaks(shape):
        yield Break(place, value, path, text)
    if shape.type_name == "structure":
        yield from member_breaks(shape, place, path)
    elif shape.type_name == "list" and shape.member.type_name == "structure":
        yield from breaks(shape.member, (*place, 0), f"{path}.1.member")
    yield from item_breaks(shape, place, path)


def item_breaks(shape: Shape, place: tuple[Any, ...], path: str) -> Iterator[Break]:
    if shape.type_name == "list":
        for value, text in own_breaks(shape.member):
            yield Break(place, [value], path, text, COLLECTION_WORDS["list"])
    elif shape.type_name == "map":
        for value, text in own_breaks(shape.key):
            yield Break(place, {value: sample(shape.value)}, path, text, COLLECTION_WORDS["key"])
        for value, text in own_breaks(shape.value):
            yield Break(place, {sample(shape.key): value}, path, text, COLLECTION_WORDS["value"])


def member_breaks(shape: Shape, place: tuple[Any, ...], path: str) -> Iterator[Break]:
    for name, member in shape.members.items():
        member_path = f"{path}.{name[0].lower()}{name[1:]}".lstrip(".")
        if name in shape.required_members:
            yield Break((*place, name), None, member_path, "Member must not be null")
        yield from breaks(member, (*place, name), member_path)


def own_breaks(shape: Shape) -> Iterator[tuple[Any, str]]:
    metadata, is_number = shape.metadata, shape.type_name in ("integer", "long", "float", "double")
    noun = "value" if is_number else "length"
    if "max" in metadata:
        text = f"Member must have {noun} less than or equal to {metadata['max']}"
        yield (metadata["max"] + 1 if is_number else longer(shape)), text
    if metadata.get("min", 0) > 0 or (is_number and "min" in metadata):
        text = f"Member must have {noun} greater than or equal to {metadata['min']}"
        yield (metadata["min"] - 1 if is_number else type(sample(shape))()), text
    if "pattern" in metadata:
        bad = [text for text in BAD_STRINGS if not regex.fullmatch(metadata["pattern"], text)]
        if bad:
            yield bad[0], metadata["pattern"]
    if metadata.get("enum"):
        yield "no-such-value", "Member must satisfy enum value set: ["


def longer(shape: Shape) -> Any:
    count = shape.metadata["max"] + 1
    if shape.type_name == "list":
        return [sample(shape.member)] * count
    if shape.type_name == "map":
        return {f"k{number}": sample(shape.value) for number in range(count)}
    return "x" * count


def broken(case: Break) -> dict[str, Any]:
    params = copy.deepcopy(VALID)
    holder = params
    for step in case.place[:-1]:
        holder = holder[step]
    holder[case.place[-1]] = case.value
    return params


VALID = sample(SHAPE)
BREAKS = list(breaks(SHAPE, (), ""))


def test_sample_with_every_member_is_valid() -> None:
    check("sagemaker", SHAPE, VALID)


def test_walk_reaches_all_kinds_of_constraints() -> None:
    assert len(BREAKS) > 250
    for words in ("not be null", "enum value set", "have length less", "have length greater", "have value"):
        assert any(words in case.text for case in BREAKS)
    for words in COLLECTION_WORDS.values():
        assert any(case.collection == words for case in BREAKS)


@pytest.mark.parametrize("case", BREAKS, ids=lambda case: f"{case.path}-{case.collection}{case.text[:60]}")
def test_broken_constraint_is_reported_at_its_path(case: Break) -> None:
    with pytest.raises(ServiceError) as raised:
        check("sagemaker", SHAPE, broken(case))
    faults = raised.value.message.partition(" detected: ")[2].split("; Value ")
    where = f" at '{case.path}' failed to satisfy constraint: "
    texts = [fault.partition(where)[2] for fault in faults]
    assert any(text.startswith(case.collection) and case.text in text for text in texts), raised.value.message
    assert all(f"'{case.path}'" in fault for fault in faults), "nothing else is at fault"
