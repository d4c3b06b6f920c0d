"""Pure: metric math as text, parsed. Source: CloudWatch user guide, "Using metric math"."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_DEPTH = 50
_TOKEN = re.compile(r"\s*(?:(\d+\.?\d*|\.\d+)|([A-Za-z_]\w*)|'([^']*)'|\"([^\"]*)\"|([-+*/^(),]))")
_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "^": 3}


@dataclass(frozen=True)
class Number:
    value: float


@dataclass(frozen=True)
class Text:
    value: str


@dataclass(frozen=True)
class Reference:
    id: str


@dataclass(frozen=True)
class Operation:
    sign: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True)
class Call:
    function: str
    arguments: tuple["Node", ...]


Node = Number | Text | Reference | Operation | Call


def parse_math(text: str) -> Node:
    """Raises ValueError with the reason."""
    parser = _Parser(list(_tokens(text)))
    node = parser.sum_of(0, 0)
    if parser.peek() is not None:
        raise ValueError(f"{parser.peek()} is not expected")
    return node


def calls_in(node: Node, function: str) -> Iterator[Call]:
    if isinstance(node, Operation):
        yield from calls_in(node.left, function)
        yield from calls_in(node.right, function)
    if isinstance(node, Call):
        if node.function == function:
            yield node
        for argument in node.arguments:
            yield from calls_in(argument, function)


Token = Number | Text | Reference | str


def _tokens(text: str) -> Iterator[Token]:
    position = 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"{text[position:].strip()[:20]} is not understood")
        number, name, single, double, sign = match.groups()
        if number is not None:
            yield Number(float(number))
        elif name is not None:
            yield Reference(name)
        elif sign is not None:
            yield sign
        else:
            yield Text(single if single is not None else double)
        position = match.end()


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def peek(self) -> Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _next(self) -> Token:
        token = self.peek()
        if token is None:
            raise ValueError("it ends too early")
        self._at += 1
        return token

    def sum_of(self, least: int, depth: int) -> Node:
        """Operations of at least that precedence; `^` groups from the right."""
        if depth > MAX_DEPTH:
            raise ValueError("it is nested too deeply")
        left = self._operand(depth)
        while isinstance(sign := self.peek(), str) and _PRECEDENCE.get(sign, -1) >= least:
            self._next()
            right = self.sum_of(_PRECEDENCE[sign] + (sign != "^"), depth + 1)
            left = Operation(sign, left, right)
        return left

    def _operand(self, depth: int) -> Node:
        part = self._next()
        if part == "-":
            return Operation("-", Number(0.0), self.sum_of(2, depth + 1))
        if part == "(":
            inside = self.sum_of(0, depth + 1)
            self._expect(")")
            return inside
        if isinstance(part, str):
            raise ValueError(f"{part} is not expected")
        if isinstance(part, Reference) and self.peek() == "(":
            self._next()
            return Call(part.id.upper(), tuple(self._arguments(depth)))
        return part

    def _arguments(self, depth: int) -> Iterator[Node]:
        while self.peek() != ")":
            yield self.sum_of(0, depth + 1)
            if self.peek() != ")":
                self._expect(",")
        self._next()

    def _expect(self, sign: str) -> None:
        if self._next() != sign:
            raise ValueError(f"{sign} is missing")
