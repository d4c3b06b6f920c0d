"""Containers that somebody else is removing already."""

import pytest
from docker.errors import APIError, NotFound

from emulator.compute import docker_removal
from emulator.compute.docker_removal import remove_container


class Engine:
    """It finds the container so many times more."""

    def __init__(self, looks: float) -> None:
        self.looks = looks

    def remove_container(self, name: str, **_: bool) -> None:
        raise APIError("409", explanation=f"removal of container {name} is already in progress")

    def inspect_container(self, name: str) -> dict[str, str]:
        self.looks -= 1
        if self.looks < 0:
            raise NotFound(name)
        return {"Id": name}


def test_a_removal_that_is_under_way_is_awaited() -> None:
    engine = Engine(looks=3)
    remove_container(engine, "c")  # type: ignore[arg-type]
    assert engine.looks < 0


def test_a_removal_that_does_not_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker_removal, "REMOVAL_LIMIT", 0.2)
    with pytest.raises(APIError, match="already in progress"):
        remove_container(Engine(looks=float("inf")), "c")  # type: ignore[arg-type]
