import subprocess
from functools import partial
from pathlib import Path

import pytest

from emulator import __version__, cli
from emulator.settings import PREFIX, Settings


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Settings]]:
    """What was called instead of a server and a look at the machine."""
    called: list[tuple[str, Settings]] = []
    for name in Settings.model_fields:
        monkeypatch.delenv(f"{PREFIX}{name.upper()}", raising=False)

    def note(name: str, exit_code: int, settings: Settings) -> int:
        called.append((name, settings))
        return exit_code

    monkeypatch.setattr(cli, "serve", partial(note, "serve", 7))
    monkeypatch.setattr(cli, "examine", partial(note, "doctor", 1))
    return called


Commands = list[tuple[str, Settings]]
Capture = pytest.CaptureFixture[str]


def test_version_is_printed(commands: Commands, capsys: Capture) -> None:
    assert cli.main(["version"]) == 0
    assert capsys.readouterr().out == f"{__version__}\n"
    assert commands == []


@pytest.mark.parametrize(("command", "code"), [("serve", 7), ("doctor", 1)])
def test_exit_code_is_that_of_the_command(commands: Commands, command: str, code: int) -> None:
    assert cli.main([command]) == code
    assert [(name, settings.port) for name, settings in commands] == [(command, 4567)]


def test_options_win_over_the_environment(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}PORT", "1000")
    monkeypatch.setenv(f"{PREFIX}HOST", "0.0.0.0")

    cli.main(["serve", "--port", "0", "--data-dir", "/somewhere"])

    ((_, settings),) = commands
    assert (settings.port, settings.host, settings.data_dir) == (0, "0.0.0.0", Path("/somewhere"))


@pytest.mark.parametrize("command", ["serve", "doctor"])
def test_setting_that_cannot_be_used_is_explained(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, capsys: Capture, command: str
) -> None:
    monkeypatch.setenv(f"{PREFIX}MEMORY_POLICY", "lenient")
    monkeypatch.setenv(f"{PREFIX}MEMORY_BUDGET", "lots")

    assert cli.main([command]) == 2

    written = capsys.readouterr()
    assert written.out == ""
    lines = written.err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"{PREFIX}MEMORY_BUDGET: ")
    assert "'lots' is no size" in lines[0]
    assert lines[1].startswith(f"{PREFIX}MEMORY_POLICY: ")
    assert "'scale' or 'strict' (given: 'lenient')" in lines[1]
    assert commands == []


def test_option_that_cannot_be_used_is_explained_by_its_setting(commands: Commands, capsys: Capture) -> None:
    assert cli.main(["serve", "--port", "70000"]) == 2
    assert capsys.readouterr().err.startswith(f"{PREFIX}PORT: ")
    assert commands == []


@pytest.mark.parametrize(
    "arguments",
    [[], ["unknown"], ["serve", "--port", "http"], ["serve", "--unknown"], ["version", "--port", "1"]],
)
def test_command_line_that_makes_no_sense_ends_with_2(
    commands: Commands, capsys: Capture, arguments: list[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)

    assert end.value.code == 2
    assert "usage: sagemaker-emulator" in capsys.readouterr().err
    assert commands == []


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ([], ["serve", "doctor", "version", f"{PREFIX}<NAME>"]),
        (["serve"], ["--host", "--port", "--data-dir", f"{PREFIX}<NAME>", "docs/settings.md"]),
        (["doctor"], ["--data-dir", f"{PREFIX}<NAME>"]),
        (["version"], ["usage"]),
    ],
)
def test_help_tells_of_options_and_settings(
    commands: Commands, capsys: Capture, arguments: list[str], parts: list[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main([*arguments, "--help"])

    assert end.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    assert [part for part in parts if part not in text] == []
    assert commands == []


@pytest.mark.parametrize(
    ("options", "endpoint"),
    [
        ([], "http://127.0.0.1:4567"),
        (["--port", "4600"], "http://127.0.0.1:4600"),
        (["--endpoint", "http://emulator:4567"], "http://emulator:4567"),
    ],
)
def test_env_prints_what_a_shell_can_evaluate(
    commands: Commands, capsys: Capture, options: list[str], endpoint: str
) -> None:
    assert cli.main(["env", *options]) == 0

    script = capsys.readouterr().out + 'echo "$AWS_ENDPOINT_URL $AWS_REGION ${AWS_PROFILE-none}"'
    shell = subprocess.run(
        ["sh", "-euc", script], env={"AWS_PROFILE": "production"}, capture_output=True, text=True, check=True
    )
    assert shell.stdout == f"{endpoint} us-east-1 none\n"
    assert commands == []
