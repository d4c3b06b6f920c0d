"""Pure: docs/settings.md, rendered from the fields of Settings."""

from collections.abc import Iterator

from pydantic.fields import FieldInfo

from emulator.settings import PREFIX, Settings

INTRODUCTION = f"""# Settings

Every setting is an environment variable that begins with `{PREFIX}`; command-line options win over it.

| Variable | Default | Meaning |
| --- | --- | --- |
"""


def settings_page() -> str:
    """The whole page, in Markdown."""
    return INTRODUCTION + "".join(f"{row}\n" for row in _rows())


def _rows() -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        meaning = (field.description or "").replace("|", "\\|")
        yield f"| `{PREFIX}{name.upper()}` | {_default(field)} | {meaning} |"


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "the user's data directory"
    if field.default in (None, {}):
        return "none"
    value = field.default
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
