"""Properties of a training job that Search knows (API SearchRecord, Filter), and their values in a description."""

import csv
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from emulator.domain.errors import validation_error

Document = Mapping[str, Any]


class Kind(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    TIME = "time"
    BOOLEAN = "boolean"
    PARAMETER = "parameter"
    """A hyperparameter: text that compares as a number where it is one."""
    LIST = "list"
    """Of structures; what NestedFilters look into."""
    STRUCTURE = "structure"


class Property(NamedTuple):
    name: str
    kind: Kind
    path: tuple[str, ...]
    """Members from the description down; lists on the way fan out."""
    key: str | None = None
    """The entry of the map at the path."""
    entry: tuple[str, str] | None = None
    """Where the path leads to a list of entries instead: the members with an entry's key and value."""

    def values(self, document: Document) -> list[Any]:
        """All values, none where the job has no such property."""
        found: list[Any] = [document]
        for part in self.path:
            found = [value for item in found for value in _member(item, part)]
        if self.key is None:
            return found
        if self.entry is None:
            return [item[self.key] for item in found if self.key in item]
        name, value = self.entry
        return [item[value] for item in found if item[name] == self.key]

    def within(self, outer: "Property") -> "Property":
        """The same property, as seen from one element of the list `outer`."""
        return self._replace(path=self.path[len(outer.path) :])


_ENTRIES = {
    "Tags": (Kind.TEXT, "Tags", ("Key", "Value")),
    "Metrics": (Kind.NUMBER, "FinalMetricDataList", ("MetricName", "Value")),
}


@cache
def property_kinds() -> Mapping[str, str]:
    """Kind by name, read from training_job_properties.csv beside this module: the shape TrainingJob, flattened."""
    text = files("emulator.domain").joinpath("training_job_properties.csv").read_text(encoding="utf-8")
    return {row["property"]: row["type"] for row in csv.DictReader(text.splitlines())}


def find_property(name: str) -> Property:
    """Raises ValidationException for a name that training jobs do not have."""
    head, _, key = name.partition(".")
    if head in _ENTRIES and key:
        kind, member, entry = _ENTRIES[head]
        return Property(name, kind, (member,), key, entry)
    found = find_member(name)
    if found is None:
        raise validation_error(f"{name} is not a property of TrainingJob that can be searched for.")
    return found


def find_member(name: str) -> Property | None:
    """A property by its members alone, without the short forms for tags and metrics."""
    kinds = property_kinds()
    if kinds.get(name, "map") != "map":
        return Property(name, Kind(kinds[name]), tuple(name.split(".")))
    if any(known == name or known.startswith(f"{name}.") for known in kinds):
        return Property(name, Kind.STRUCTURE, tuple(name.split(".")))
    for known in (known for known, kind in kinds.items() if kind == "map"):
        if name.startswith(f"{known}."):
            kind = Kind.PARAMETER if known == "HyperParameters" else Kind.TEXT
            return Property(name, kind, tuple(known.split(".")), name.removeprefix(f"{known}."))
    return None


def _member(item: Document, name: str) -> list[Any]:
    value = item.get(name)
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
