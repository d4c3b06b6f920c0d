"""Params against an input shape, in the words of AWS.

The forms are taken from public messages of the service, see tests/data/validation_messages.json. The order of
two faults of one member is not fixed by AWS; here the pattern comes before the length.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from emulator.domain.errors import ServiceError
from emulator.wire.constraint import Constraint, PatternTime, constraints
from emulator.wire.dispatch import Params

MAX_FAULTS = 100
MAX_PRINTED = 65_536
"""Characters of one value in a message, so that an answer never dwarfs its request."""

_CODES = {
    "logs": "InvalidParameterException",
    "ecr": "InvalidParameterException",
    "sts": "ValidationError",
    "cloudwatch": "ValidationError",
    "sagemaker-runtime": "ValidationError",
}


def check(service: str, shape: Shape | None, params: Params) -> None:
    """Raise a ServiceError that names every broken constraint of `shape`."""
    if shape is None:
        return
    faults = list(islice(_Check(service, PatternTime()).inside(shape, params, ""), MAX_FAULTS))
    if faults:
        head = "1 validation error" if len(faults) == 1 else f"{len(faults)} validation errors"
        code = _CODES.get(service, "ValidationException")
        raise ServiceError(code, f"{head} detected: {'; '.join(faults)}")


@dataclass(frozen=True)
class _Check:
    service: str
    time: PatternTime

    def inside(self, shape: Shape, value: Any, path: str) -> Iterator[str]:
        """The faults of the members of a structure, list or map."""
        if isinstance(shape, StructureShape):
            yield from self._members(shape, value, path)
        elif isinstance(shape, ListShape):
            yield from self._items(shape, value, path)
        elif isinstance(shape, MapShape):
            yield from self._entries(shape, value, path)

    def _members(self, shape: StructureShape, value: Mapping[str, Any], path: str) -> Iterator[str]:
        for name, member in shape.members.items():
            member_path = ".".join(filter(None, (path, name[:1].lower() + name[1:])))
            if value.get(name) is None:
                if name in shape.required_members:
                    yield _null_fault(member_path)
            else:
                yield from self._own(member, value[name], member_path)
                yield from self.inside(member, value[name], member_path)

    def _own(self, shape: Shape, value: Any, path: str) -> Iterator[str]:
        for constraint in sorted(constraints(self.service, shape, self.time), key=_pattern_first):
            if not constraint.is_met(value):
                yield _fault(shape, value, path, constraint.text)

    def _items(self, shape: ListShape, value: list[Any], path: str) -> Iterator[str]:
        yield from self._each(shape.member, value, "Member must satisfy constraint", (path, value))
        for number, item in enumerate(value, start=1):
            yield from self._item(shape.member, item, f"{path}.{number}.member")

    def _entries(self, shape: MapShape, value: dict[str, Any], path: str) -> Iterator[str]:
        at = (path, value)
        yield from self._each(shape.key, list(value), "Map keys must satisfy constraint", at)
        yield from self._each(shape.value, list(value.values()), "Map value must satisfy constraint", at)
        for key, item in value.items():
            yield from self._item(shape.value, item, f"{path}.{key}.member")

    def _item(self, shape: Shape, item: Any, path: str) -> Iterator[str]:
        yield from [_null_fault(path)] if item is None else self.inside(shape, item, path)

    def _each(self, shape: Shape, items: list[Any], words: str, at: tuple[str, Any]) -> Iterator[str]:
        """AWS says once of a whole list or map that its items break a constraint, and lists all of them."""
        rules = constraints(self.service, shape, self.time)
        if any(not rule.is_met(item) for item in items if item is not None for rule in rules):
            path, value = at
            yield _fault(shape, value, path, f"{words}: [{', '.join(rule.text for rule in rules)}]")


def _pattern_first(constraint: Constraint) -> bool:
    return not constraint.text.startswith("Member must satisfy regular expression")


def _fault(shape: Shape, value: Any, path: str, text: str) -> str:
    """Values of sensitive shapes are not repeated."""
    printed = "" if shape.metadata.get("sensitive") else f" '{java_text(value)[:MAX_PRINTED]}'"
    return f"Value{printed} at '{path}' failed to satisfy constraint: {text}"


def _null_fault(path: str) -> str:
    return f"Value null at '{path}' failed to satisfy constraint: Member must not be null"


def java_text(value: Any) -> str:
    """A value as Java's toString prints it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}={java_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(java_text, value)) + "]"
    return _java_scalar(value)


def _java_scalar(value: Any) -> str:
    if isinstance(value, datetime):
        return value.strftime("%a %b %d %H:%M:%S UTC %Y")
    if isinstance(value, bytes):
        return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
    return str(value)
