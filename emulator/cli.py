"""The command line: serve, env, doctor, version."""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import Any

from pydantic import ValidationError

from emulator import __version__
from emulator.doctor import examine
from emulator.sdk import OVERRIDING, environment
from emulator.serving import serve
from emulator.settings import PREFIX, Settings


def main(arguments: Sequence[str] | None = None) -> int:
    options = vars(build_parser().parse_args(arguments))
    command, endpoint = options.pop("command"), options.pop("endpoint", None)
    if command == "version":
        print(__version__)
        return 0
    try:
        settings = read_settings(options)
    except ValidationError as error:
        print(explain(error), file=sys.stderr)
        return 2
    if command == "env":
        print(exports(endpoint or f"http://127.0.0.1:{settings.port}", settings.region))
        return 0
    if command == "doctor":
        return examine(settings)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs whole URLs, which may hold a secret
    return serve(settings)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sagemaker-emulator", description="A local SageMaker that really trains.", epilog=_epilog()
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serving = commands.add_parser("serve", help="run the server", epilog=_epilog())
    serving.add_argument("--host", help="address to listen on (127.0.0.1)")
    serving.add_argument("--port", type=int, help="port for everything (4567); 0 takes a free one")
    serving.add_argument(
        "--offline",
        action="store_true",
        default=None,
        help="never pull an image, but from the local registry",
    )
    for command in (
        serving,
        commands.add_parser("doctor", help="check what training needs", epilog=_epilog()),
    ):
        command.add_argument("--data-dir", type=Path, help="where jobs, logs and objects are kept")
    variables = commands.add_parser(
        "env", help='print exports for AWS clients: eval "$(sagemaker-emulator env)"'
    )
    variables.add_argument("--port", type=int, help="of an emulator on this machine (4567)")
    variables.add_argument("--endpoint", help="URL of an emulator elsewhere, such as http://emulator:4567")
    commands.add_parser("version", help="print the version")
    return parser


def _epilog() -> str:
    return f"Every setting is also an environment variable {PREFIX}<NAME>; docs/settings.md lists them."


def exports(endpoint: str, region: str) -> str:
    """Lines for a POSIX shell."""
    lines = [f"export {name}={quote(value)}" for name, value in environment(endpoint, region).items()]
    return "\n".join([f"unset {' '.join(OVERRIDING)}", *lines])


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
