"""Messages that the real services gave, from public issues; each with its link in the data file.

`changed_since` maps what AWS's model has changed after the message was published; `abridged_value` marks a
value that its publisher cut, `enum_has_grown` an enumeration that AWS has extended.
"""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from emulator.domain.errors import ServiceError
from emulator.wire.json_protocol import parse
from emulator.wire.service_model import ServiceModels, load_service_models
from emulator.wire.validation import check

CASES = json.loads((Path(__file__).parent.parent / "data/validation_messages.json").read_text())
FAULT = re.compile(r"(?s)Value (null|'.*?') at '([^']*)' failed to satisfy constraint: (.*?)(?=; Value |$)")
ENUM = re.compile(r"Member must satisfy enum value set: \[(.*)\]")


class Fault(NamedTuple):
    value: str
    path: str
    text: str


@pytest.fixture(scope="module")
def models() -> ServiceModels:
    return load_service_models()


def faults_of(message: str) -> set[Fault]:
    head, _, rest = message.partition(" detected: ")
    found = {Fault(*match.groups()) for match in FAULT.finditer(rest)}
    count = len(found)
    assert head == f"{count} validation error{'s' if count > 1 else ''}"
    return found


def error_of(models: ServiceModels, case: dict[str, Any]) -> ServiceError:
    shape = models.models[case["service"]].operation_model(case["operation"]).input_shape
    with pytest.raises(ServiceError) as raised:
        check(case["service"], shape, parse(shape, json.dumps(case["params"]).encode()))
    return raised.value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["source"].removeprefix("https://github.com/"))
def test_validation_message_is_the_services_own(models: ServiceModels, case: dict[str, Any]) -> None:
    error = error_of(models, case)
    published = case["message"]
    for old, new in case.get("changed_since", {}).items():
        assert old in published
        published = published.replace(old, new)
    ours, theirs = faults_of(error.message), faults_of(published)
    if case.get("abridged_value"):
        ours, theirs = ({fault._replace(value="") for fault in faults} for faults in (ours, theirs))
    if case.get("enum_has_grown"):
        ((our_values, ours), (their_values, theirs)) = without_enum(ours), without_enum(theirs)
        assert their_values < our_values
    assert error.code == case["code"]
    assert ours == theirs


def without_enum(faults: set[Fault]) -> tuple[set[str], set[Fault]]:
    """The enumeration as a set, because AWS prints it in hash order, and the faults without it."""
    (match,) = filter(None, (ENUM.fullmatch(fault.text) for fault in faults))
    return set(match[1].split(", ")), {fault._replace(text="") for fault in faults}


def test_validation_message_has_pattern_before_length(models: ServiceModels) -> None:
    (case,) = (case for case in CASES if case["source"].endswith("zenml/issues/1502"))
    assert error_of(models, case).message == case["message"]
