"""The table of request members in docs/fidelity.md; `python -m emulator.fidelity_page` writes it anew."""

from collections.abc import Iterator
from pathlib import Path

from emulator.domain.fidelity import MemberFidelity, request_members

PAGE = Path(__file__).parent.parent / "docs" / "fidelity.md"
BEGIN = "<!-- members: written by python -m emulator.fidelity_page -->\n"
END = "<!-- end of members -->\n"


def with_members(page: str) -> str:
    """The page with the text between its two marks replaced. Raises ValueError where it has no such marks."""
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no lines {BEGIN.strip()} and {END.strip()}")
    return f"{head}{begin}{members_table()}{end}{tail}"


def members_table() -> str:
    return "| member | | |\n|---|---|---|\n" + "".join(f"{row}\n" for row in _rows())


def _rows() -> Iterator[str]:
    for path, member in request_members().items():
        yield f"| {path} | {member.fidelity} | {_note(path, member)} |".replace("  |", " |")


def _note(path: str, member: MemberFidelity) -> str:
    """An echo or a refusal always has a reason: its own, or that of the structure that it is in."""
    parent = path.rpartition(".")[0]
    if member.note or not parent:
        return member.note
    enclosing = request_members()[parent]
    return _note(parent, enclosing) if enclosing.fidelity is member.fidelity != "emulated" else ""


if __name__ == "__main__":
    PAGE.write_text(with_members(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
