"""Fails if a file or a function is longer than this project allows; part of `make check`."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

FILE_LIMITS = {"emulator": 300, "scripts": 300, "sample_containers": 300, "tests": 400}
FUNCTION_LIMIT = 40


def too_long(path: Path, source: str, file_limit: int) -> Iterator[str]:
    """One line for each breach, of the form path:line: what."""
    lines = len(source.splitlines())
    if lines > file_limit:
        yield f"{path}:1: {lines} lines, at most {file_limit}"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            length = node.end_lineno - node.lineno + 1
            if length > FUNCTION_LIMIT:
                yield f"{path}:{node.lineno}: {node.name} has {length} lines, at most {FUNCTION_LIMIT}"


def python_files(directory: Path) -> list[Path]:
    """*.py, and the containers' `train` and `serve` programs, which have no suffix."""
    return sorted(file for name in ("*.py", "train", "serve") for file in directory.rglob(name))


def main() -> int:
    root = Path(__file__).resolve().parent.parent
    breaches = [
        breach
        for directory, limit in FILE_LIMITS.items()
        for path in python_files(root / directory)
        for breach in too_long(path.relative_to(root), path.read_text(encoding="utf-8"), limit)
    ]
    print("\n".join(breaches) or "file and function lengths: within the limits")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
