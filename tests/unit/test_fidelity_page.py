import pytest

from emulator.domain.fidelity import request_members
from emulator.fidelity_page import BEGIN, END, PAGE, members_table, with_members


def test_fidelity_page_has_the_table_of_today() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert page == with_members(page), "run python -m emulator.fidelity_page"


def test_members_table_has_one_row_a_member() -> None:
    rows = members_table().splitlines()[2:]

    assert [row.split(" | ")[0].removeprefix("| ") for row in rows] == list(request_members())
    assert all(row.count("|") == 4 for row in rows)


def test_members_table_tells_the_reason_of_an_echo_at_every_member() -> None:
    (note,) = {row.split("|")[3].strip() for row in members_table().splitlines() if "| VpcConfig" in row}

    assert note == request_members()["VpcConfig"].note


def test_with_members_leaves_the_rest_of_the_page_alone() -> None:
    assert with_members(f"head\n{BEGIN}old\n{END}tail\n") == f"head\n{BEGIN}{members_table()}{END}tail\n"


@pytest.mark.parametrize("page", ["", BEGIN, END, f"{END}{BEGIN}"])
def test_with_members_refuses_a_page_without_its_marks(page: str) -> None:
    with pytest.raises(ValueError, match="no lines"):
        with_members(page)
