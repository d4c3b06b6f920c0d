"""docs/clients.md quotes the programs that `make test-clients` runs, letter by letter."""

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent.parent
QUOTED = re.compile(r"^<!-- (\S+) -->\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGE = (PROJECT / "docs" / "clients.md").read_text(encoding="utf-8")
RECIPES = dict(QUOTED.findall(PAGE))
CLIENTS = PROJECT / "tests" / "clients"


@pytest.mark.parametrize("path", sorted(RECIPES))
def test_recipe_on_the_page_is_the_program_that_is_run(path: str) -> None:
    assert RECIPES[path] == (PROJECT / path).read_text(encoding="utf-8")


def test_every_program_of_a_client_is_on_the_page() -> None:
    programs = [file for suffix in ("py", "sh", "mjs") for file in CLIENTS.glob(f"*/*.{suffix}")]

    assert len(programs) > 5
    assert {str(file.relative_to(PROJECT)) for file in programs} <= set(RECIPES)


@pytest.mark.parametrize(
    ("client", "package"), [("sdk_v2", "sagemaker"), ("sdk_v3", "sagemaker"), ("aws_cli", "awscli")]
)
def test_version_on_the_page_is_the_one_that_is_installed(client: str, package: str) -> None:
    locked = (CLIENTS / client / "requirements.txt").read_text(encoding="utf-8")
    version = re.search(rf"^{package}==(\S+)$", locked, re.MULTILINE)

    assert version is not None
    assert version[1] in PAGE
