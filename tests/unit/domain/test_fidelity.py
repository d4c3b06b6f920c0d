from collections.abc import Iterator
from typing import Any

from emulator.domain.fidelity import Fidelity, request_members


def member_paths(shape: Any, path: str = "") -> Iterator[str]:
    """Every member of a structure and of what is in it; the elements of a list have the list's path."""
    if shape.type_name == "list":
        yield from member_paths(shape.member, path)
    if shape.type_name == "map":
        yield from member_paths(shape.value, path)
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            below = f"{path}.{name}" if path else name
            yield below
            yield from member_paths(member, below)


def test_every_member_of_the_api_has_a_row_in_the_api_s_order(service_model: Any) -> None:
    shape = service_model.operation_model("CreateTrainingJob").input_shape

    assert list(request_members()) == list(member_paths(shape)), "bring request_members.csv up to date"


def test_every_echo_and_refusal_has_a_reason() -> None:
    members = request_members()
    bare = [path for path, member in members.items() if member.fidelity != "emulated" and not member.note]

    assert all("." in path for path in bare)
    assert {path: members[path.rpartition(".")[0]].fidelity for path in bare} == {
        path: members[path].fidelity for path in bare
    }, "without a note of its own a member has that of its structure"


def test_what_is_in_a_refused_structure_is_refused_too() -> None:
    members = request_members()
    refused = [path for path, member in members.items() if member.fidelity is Fidelity.REFUSED]

    assert refused
    for path, member in members.items():
        if path.rpartition(".")[0] in refused:
            assert member.fidelity is Fidelity.REFUSED, path
