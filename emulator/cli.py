"""The command line: serve, doctor, version."""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from emulator import __version__
from emulator.doctor import examine
from emulator.serving import serve
from emulator.settings import PREFIX, Settings


def main(arguments: Sequence[str] | None = None) -> int:
    options = vars(build_parser().parse_args(arguments))
    command = options.pop("command")
    if command == "version":
        print(__version__)
        return 0
    try:
        settings = read_settings(options)
    except ValidationError as error:
        print(explain(error), file=sys.stderr)
        return 2
    if command == "doctor":
        return examine(settings)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    return serve(settings)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sagemaker-emulator", description="A local SageMaker that really trains.", epilog=_epilog()
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serving = commands.add_parser("serve", help="run the server", epilog=_epilog())
    serving.add_argument("--host", help="address to listen on (127.0.0.1)")
    serving.add_argument("--port", type=int, help="port for everything (4567); 0 takes a free one")
    for command in (
        serving,
        commands.add_parser("doctor", help="check what training needs", epilog=_epilog()),
    ):
        command.add_argument("--data-dir", type=Path, help="where jobs, logs and objects are kept")
    commands.add_parser("version", help="print the version")
    return parser


def _epilog() -> str:
    return f"Every setting is also an environment variable {PREFIX}<NAME>; docs/settings.md lists them."


def read_settings(options: dict[str, Any]) -> Settings:
    """The command line wins over the environment. Raises pydantic's ValidationError."""
    return Settings(**{name: value for name, value in options.items() if value is not None})


def explain(error: ValidationError) -> str:
    """One line for each setting that cannot be used."""
    lines = []
    for fault in error.errors():
        name = "_".join(str(part) for part in fault["loc"]).upper()
        lines.append(f"{PREFIX}{name}: {fault['msg']} (given: {fault['input']!r})")
    return "\n".join(lines)
