"""What the emulator does with each member of a CreateTrainingJob request, as docs/fidelity.md tells it.

`ResourceConfig.InstanceGroups.InstanceType` is the InstanceType of each element of the list InstanceGroups.
"""

import csv
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import NamedTuple


class Fidelity(StrEnum):
    EMULATED = "emulated"
    """It has its effect."""
    ECHOED = "echoed"
    """Accepted without effect; Describe tells it again where it has it."""
    REFUSED = "refused"
    """A request with it gets an error that names it."""


class MemberFidelity(NamedTuple):
    fidelity: Fidelity
    note: str
    """What is different from AWS, or why an echo does no harm. Empty where the structure's own note says it."""


@cache
def request_members() -> Mapping[str, MemberFidelity]:
    """All members by path, read from request_members.csv beside this module, in the order of the API's shape."""
    text = files("emulator.domain").joinpath("request_members.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return {row["member"]: MemberFidelity(Fidelity(row["fidelity"]), row["note"]) for row in rows}
