"""The JSONPath that batch transform takes (DG batch-transform-data-processing, "Supported JSONPath Operators").

`$`, `.name`, `*`, `['name','name']`, `[1,3,-1]`, `[start:end]`, nothing else. Where the operators leave it open:

- A slice includes its end: the page says that `[1:4]` "specifies the second through fifth columns". It is cut at the
  ends of the list.
- A path with a wildcard, a slice or several numbers gives a list of all that it finds; several names, which only
  the end of a path may have, give an object; any other path gives the one value.
- What is not there is an error, as the page of API DataProcessing says of indexes.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

_NAME = re.compile(r"[^.\[\]*,:'$]+")
_BRACKET = re.compile(r"\[\s*([^\[\]]*?)\s*\]")
_NAMES = re.compile(r"'([^']+)'(?:\s*,\s*'([^']+)')*")
_NUMBERS = re.compile(r"-?[0-9]+(?:\s*,\s*-?[0-9]+)*")
_SLICE = re.compile(r"(-?[0-9]+)?\s*:\s*(-?[0-9]+)?")


class Step(NamedTuple):
    """How a path goes on from a value."""

    find: Callable[[Any], Iterable[Any]]
    """Raises LookupError with what is missing."""
    gives_many: bool


class JsonPath:
    """A parsed path."""

    def __init__(self, text: str) -> None:
        """Raises ValueError with one sentence where SageMaker does not take such a path."""
        self.text = text
        if not text.startswith("$"):
            raise ValueError("A JsonPath begins with '$'.")
        self._steps = tuple(_parsed(text, 1))

    @property
    def is_root(self) -> bool:
        """It selects everything."""
        return not self._steps

    def select(self, document: Any) -> Any:
        """The selected part of parsed JSON; a list is new, other parts are the document's own.

        Raises LookupError with one sentence.
        """
        found = [document]
        for step in self._steps:
            found = [part for value in found for part in step.find(value)]
        return found if any(step.gives_many for step in self._steps) else found[0]


def _parsed(text: str, begin: int) -> Iterator[Step]:
    while begin < len(text):
        dot = text[begin] == "."
        after_dot = begin + dot
        if bracket := _BRACKET.match(text, after_dot):
            yield _bracketed(text, bracket[1], is_last=bracket.end() == len(text))
            begin = bracket.end()
        elif dot and text.startswith("*", after_dot):
            yield Step(_children, gives_many=True)
            begin = after_dot + 1
        elif dot and (name := _NAME.match(text, after_dot)):
            yield _named([name[0]])
            begin = name.end()
        else:
            raise ValueError(f"The path is not understood from {text[begin:]!r} on.")


def _bracketed(text: str, inside: str, is_last: bool) -> Step:
    if inside == "*":
        return Step(_children, gives_many=True)
    if _NAMES.fullmatch(inside):
        names = re.findall(r"'([^']+)'", inside)
        if len(names) > 1 and not is_last:
            raise ValueError("Several names stand only at the end of a path.")
        return _named(names)
    if _NUMBERS.fullmatch(inside):
        numbers = [int(number) for number in inside.split(",")]
        return Step(lambda value: [_element(value, n) for n in numbers], gives_many=len(numbers) > 1)
    if ends := _SLICE.fullmatch(inside):
        start, end = (None if bound is None else int(bound) for bound in ends.groups())
        return Step(lambda value: _sliced(value, start, end), gives_many=True)
    if ":" in inside:
        raise ValueError(
            f"Invalid JsonPath: {text}: only single range filters of format (eg: [1:5]) are supported. "
            f"Format [{inside}] is not supported"
        )
    raise ValueError(f"The path has [{inside}], which is not supported.")


def _named(names: list[str]) -> Step:
    if len(names) == 1:
        return Step(lambda value: [_member(value, names[0])], gives_many=False)
    return Step(lambda value: [{name: _member(value, name) for name in names}], gives_many=False)


def _member(value: Any, name: str) -> Any:
    if not isinstance(value, dict) or name not in value:
        raise LookupError(f"There is no attribute {name!r}.")
    return value[name]


def _element(value: Any, number: int) -> Any:
    elements = _list(value)
    if not -len(elements) <= number < len(elements):
        raise LookupError(f"Index {number} is outside of {len(elements)} elements.")
    return elements[number]


def _sliced(value: Any, start: int | None, end: int | None) -> list[Any]:
    past_end = None if end is None or end == -1 else end + 1
    return _list(value)[start:past_end]


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise LookupError("An index needs a list.")
    return value


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return _list(value)
