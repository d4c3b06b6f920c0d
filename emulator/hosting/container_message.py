"""What is said to containers and what they answer, as HTTP has it."""

from collections.abc import Mapping
from functools import lru_cache


class ContainerFault(Exception):  # noqa: N818 - the model's owner is at fault, not the emulator
    """The container broke off or said nothing in time. Its text is one sentence."""

    is_timeout = False


class ContainerUnreachable(ContainerFault):
    """Nothing was sent: another instance may be asked the same."""


class ContainerTimeout(ContainerFault):
    is_timeout = True


class AnswerHeaders(dict[str, str]):
    """By name in any case."""

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        return super().get(name.lower(), default)


@lru_cache(1024)
def first_lines(method: str, path: str, host: str) -> bytes:
    """Of a request. Raises ContainerFault for what they cannot have."""
    return _lines([f"{method} {path} HTTP/1.1", f"Host: {host}"])


def header_lines(headers: Mapping[str, str]) -> bytes:
    """Raises ContainerFault for what no header can have."""
    return _lines([f"{name}: {value}" for name, value in headers.items()])


def _lines(lines: list[str]) -> bytes:
    if not "".join(lines).isprintable():
        raise ContainerFault("a header of the request has characters that no header can have")
    return "".join([f"{line}\r\n" for line in lines]).encode("latin-1", "replace")
