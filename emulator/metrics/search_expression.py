"""The first argument of SEARCH: which metrics a search finds.

Source: CloudWatch user guide, "CloudWatch search expression syntax". A bare term is found in parts: all its words, in
their order and next to each other, where a word ends at punctuation, and between letters and digits. A quoted one has
to be the same text.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from emulator.metrics.metric import MetricKey

Test = Callable[[MetricKey], bool]

MAX_DEPTH = 50
_SCHEMA = re.compile(r'\s*\{((?:[^{}"]|"[^"]*")*)\}')
_TOKEN = re.compile(r'\s*("[^"]*"|[()=]|[^\s()="]+)')
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_OPERATORS = ("AND", "OR", "NOT")


class SearchPattern(NamedTuple):
    namespace: str | None
    dimensions: frozenset[str] | None
    """All names of dimensions that a metric has; None is any."""
    matches: Test


def parse_search(text: str) -> SearchPattern:
    """Raises ValueError with the reason."""
    schema = _SCHEMA.match(text)
    names = [name.strip().strip('"') for name in schema[1].split(",")] if schema else []
    if schema and not names[0]:
        raise ValueError("the schema in braces needs a namespace")
    matches = _Parser(_tokens(text[schema.end() :] if schema else text)).whole()
    if not names:
        return SearchPattern(None, None, matches)
    return SearchPattern(names[0], frozenset(filter(None, names[1:])), matches)


def _tokens(text: str) -> list[str]:
    tokens, position = [], 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError("a quotation mark is missing")
        tokens.append(match[1])
        position = match.end()
    return tokens


class _Parser:
    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0

    def whole(self) -> Test:
        test = self._any_of("", 0) if self._tokens else _everything
        if self._at < len(self._tokens):
            raise ValueError(f"{self._peek()} is not expected")
        return test

    def _peek(self, ahead: int = 0) -> str:
        place = self._at + ahead
        return self._tokens[place] if place < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        if not token:
            raise ValueError("the search ends too early")
        self._at += 1
        return token

    def _any_of(self, name: str, depth: int) -> Test:
        tests = [self._all_of(name, depth)]
        while self._peek() == "OR":
            self._next()
            tests.append(self._all_of(name, depth))
        return lambda key: any(test(key) for test in tests)

    def _all_of(self, name: str, depth: int) -> Test:
        tests = [self._one(name, depth)]
        while self._peek() not in ("", ")", "OR"):
            if self._peek() == "AND":
                self._next()
            tests.append(self._one(name, depth))
        return lambda key: all(test(key) for test in tests)

    def _one(self, name: str, depth: int) -> Test:
        if depth > MAX_DEPTH:
            raise ValueError("it is nested too deeply")
        part = self._next()
        if part == "NOT":
            test = self._one(name, depth + 1)
            return lambda key: not test(key)
        if part == "(":
            inside = self._any_of(name, depth + 1)
            if self._next() != ")":
                raise ValueError("a closing parenthesis is missing")
            return inside
        if part in (")", "=", "AND", "OR"):
            raise ValueError(f"{part} is not expected")
        if self._peek() == "=" and not name:
            self._next()
            return self._one(_known_property(part.strip('"')), depth)
        return _term(name, part)


def _known_property(name: str) -> str:
    if name.startswith(":aws"):
        raise ValueError(f"the emulator does not support {name}")
    return name


def _everything(_: MetricKey) -> bool:
    return True


def _term(name: str, token: str) -> Test:
    if token.startswith('"'):
        exact = token.strip('"')
        return lambda key: exact in _texts(key, name)
    words = _words(token)
    return lambda key: any(_contains(_words(text), words) for text in _texts(key, name))


def _texts(key: MetricKey, name: str) -> list[str]:
    """What a term is looked for in: one property of the metric, or all of them."""
    own = {"Namespace": key.namespace, "MetricName": key.name, **dict(key.dimensions)}
    if name:
        return [own[name]] if name in own else []
    return [*own.values(), *dict(key.dimensions)]


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def _contains(words: list[str], part: list[str]) -> bool:
    if not part:
        return False
    return any(words[at : at + len(part)] == part for at in range(len(words) - len(part) + 1))
