"""CloudWatch's filter patterns for unstructured log events."""

import re
from typing import NamedTuple

_TERM = re.compile(r'\s*([-?]?)(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))(?=\s|$)')
_PLAIN = re.compile(r"\w+")


class FilterPattern(NamedTuple):
    """All of `required`, none of `excluded`; `optional` counts only alone, and then one of it is enough.

    Terms are case-sensitive parts of the message. Source: CloudWatch Logs user guide, "Filter pattern
    syntax".
    """

    required: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()

    def matches(self, message: str) -> bool:
        if self.required or self.excluded:
            return all(t in message for t in self.required) and not any(t in message for t in self.excluded)
        return not self.optional or any(term in message for term in self.optional)


def parse_filter_pattern(text: str) -> FilterPattern:
    """Parse terms, "quoted phrases", -excluded and ?optional ones. Raises ValueError with AWS-like text."""
    text = text.strip()
    if text[:1] in ("{", "[", "%"):
        raise ValueError("The emulator supports filter patterns of terms only, no JSON, brackets or %regex%.")
    found: dict[str, list[str]] = {"": [], "-": [], "?": []}
    position = 0
    while position < len(text):
        match = _TERM.match(text, position)
        if match is None:
            raise ValueError("Invalid filter pattern")
        sign, quoted, plain = match.groups()
        found[sign].append(_plain_term(plain) if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
        position = match.end()
    return FilterPattern(tuple(found[""]), tuple(found["-"]), tuple(found["?"]))


def _plain_term(term: str) -> str:
    if not _PLAIN.fullmatch(term):
        raise ValueError(f"Invalid character(s) in term '{term}'")
    return term
