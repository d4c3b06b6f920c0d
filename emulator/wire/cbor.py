"""Concise Binary Object Representation (RFC 8949), as far as AWS's rpc-v2-cbor uses it."""

import struct
from collections.abc import Callable
from typing import Any

MAX_DEPTH = 100
_BREAK = object()
_INDEFINITE = 31
_FLOATS = {25: ">e", 26: ">f", 27: ">d"}
_SIMPLE = {20: False, 21: True, 22: None, 23: None}


def decode(data: bytes) -> Any:
    """One item that fills `data`; of tagged items (times are tag 1) only the item. Raises ValueError."""
    reader = _Reader(data)
    try:
        item = reader.item(0)
    except (IndexError, struct.error, TypeError) as error:
        raise ValueError("the data are not CBOR") from error
    if item is _BREAK or reader.position != len(data):
        raise ValueError("the data are not one CBOR item")
    return item


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self.position = 0

    def item(self, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise ValueError("the data are nested too deeply")
        first = self._take(1)[0]
        kind, info = first >> 5, first & 31
        if kind == 7:
            return self._simple(info)
        read: tuple[Callable[[int, int], Any], ...] = (
            lambda info, _: self._number(info),
            lambda info, _: -1 - self._number(info),
            lambda info, depth: self._string(info, depth, b""),
            lambda info, depth: self._string(info, depth, b"").decode("utf-8"),
            self._array,
            self._map,
            self._tagged,
        )
        return read[kind](info, depth)

    def _take(self, count: int) -> bytes:
        end = self.position + count
        if end > len(self._data):
            raise ValueError("the data end too early")
        part, self.position = self._data[self.position : end], end
        return part

    def _number(self, info: int) -> int:
        if info < 24:
            return info
        if info > 27:
            raise ValueError("a length is not valid")
        return int.from_bytes(self._take(1 << (info - 24)), "big")

    def _string(self, info: int, depth: int, so_far: bytes) -> bytes:
        if info != _INDEFINITE:
            return self._take(self._number(info))
        parts = [so_far]
        while (first := self._take(1)[0]) != 0xFF:
            parts.append(self._take(self._number(first & 31)))
        return b"".join(parts)

    def _array(self, info: int, depth: int) -> list[Any]:
        if info != _INDEFINITE:
            return [self.item(depth + 1) for _ in range(self._number(info))]
        items = []
        while (item := self.item(depth + 1)) is not _BREAK:
            items.append(item)
        return items

    def _map(self, info: int, depth: int) -> dict[Any, Any]:
        if info != _INDEFINITE:
            return {self.item(depth + 1): self.item(depth + 1) for _ in range(self._number(info))}
        items = {}
        while (key := self.item(depth + 1)) is not _BREAK:
            items[key] = self.item(depth + 1)
        return items

    def _tagged(self, info: int, depth: int) -> Any:
        self._number(info)
        return self.item(depth + 1)

    def _simple(self, info: int) -> Any:
        if info in _FLOATS:
            form = _FLOATS[info]
            return struct.unpack(form, self._take(struct.calcsize(form)))[0]
        if info == _INDEFINITE:
            return _BREAK
        if info not in _SIMPLE:
            raise ValueError("a simple value is not known")
        return _SIMPLE[info]


def encode_head(kind: int, number: int) -> bytes:
    """The first bytes of an item: its major type and its number or length."""
    if number < 24:
        return bytes([kind << 5 | number])
    for info, form in ((24, ">B"), (25, ">H"), (26, ">I"), (27, ">Q")):
        if number < 1 << 8 * struct.calcsize(form):
            return bytes([kind << 5 | info]) + struct.pack(form, number)
    raise ValueError(f"{number} is too large")


def encode_integer(value: int) -> bytes:
    return encode_head(0, value) if value >= 0 else encode_head(1, -1 - value)


def encode_float(value: float) -> bytes:
    return b"\xfb" + struct.pack(">d", value)


def encode_text(value: str) -> bytes:
    data = value.encode("utf-8", "replace")
    return encode_head(3, len(data)) + data


def encode_bytes(value: bytes) -> bytes:
    return encode_head(2, len(value)) + value


def encode_time(seconds: float) -> bytes:
    return encode_head(6, 1) + encode_float(seconds)
