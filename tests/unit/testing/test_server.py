import socket
from pathlib import Path
from typing import Any

import pytest

from emulator.testing.server import serving


def test_settings_that_are_wrong_leave_no_socket_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[socket.socket] = []
    create_server: Any = socket.create_server

    def note(*arguments: Any) -> socket.socket:
        made.append(create_server(*arguments))
        return made[-1]

    monkeypatch.setattr(socket, "create_server", note)
    with pytest.raises(ValueError, match="time_scale"), serving(tmp_path, "fake", {"time_scale": 0}):
        pass
    assert [one.fileno() for one in made] == [-1]
