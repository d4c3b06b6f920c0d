"""The YAML file of image aliases: a mapping of patterns to images."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from emulator.domain.image_alias import ImageAlias

SHIPPED = "image_aliases.yaml"


def read_image_aliases(path: Path | None) -> tuple[ImageAlias, ...]:
    """The user's aliases, then the emulator's own. Raises RuntimeError that names the file and the fault."""
    shipped = files("emulator.compute").joinpath(SHIPPED).read_text(encoding="utf-8")
    own = parse_image_aliases(shipped, may_be_pulled=False)
    return (*_read_file(path), *own) if path is not None else own


def _read_file(path: Path) -> tuple[ImageAlias, ...]:
    try:
        return parse_image_aliases(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RuntimeError(f"IMAGE_ALIASES: {path} cannot be used: {error}") from error


def parse_image_aliases(text: str, may_be_pulled: bool = True) -> tuple[ImageAlias, ...]:
    """Raises ValueError for what is no mapping of texts to texts."""
    try:
        document: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"it is no YAML ({error})") from error
    aliases = {} if document is None else document
    if not isinstance(aliases, dict):
        raise ValueError("write it as lines of the form 'repository:tag': image")
    wrong = [item for pair in aliases.items() for item in pair if not isinstance(item, str) or not item]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is no text; put it in quotes")
    return tuple(ImageAlias(pattern, image, may_be_pulled) for pattern, image in aliases.items())
