"""Log events, log streams and log groups, in CloudWatch's terms."""

from typing import NamedTuple

EVENT_OVERHEAD_BYTES = 26
"""What CloudWatch counts for an event besides its message."""
MAX_MESSAGE_BYTES = 262_144 - EVENT_OVERHEAD_BYTES
MAX_NS = 2**63 - 1


class LogGroupKey(NamedTuple):
    account_id: str
    region: str
    name: str


class LogStreamKey(NamedTuple):
    group: LogGroupKey
    name: str


class LogEvent(NamedTuple):
    """An event to store."""

    timestamp_ns: int
    """Nanoseconds since the epoch."""
    message: str


class Position(NamedTuple):
    """A place between the events of a stream; the sequence numbers of events begin with 1."""

    timestamp_ns: int
    sequence: int


class StoredEvent(NamedTuple):
    position: Position
    ingestion_ms: int
    message: str

    @property
    def timestamp_ms(self) -> int:
        return self.position.timestamp_ns // 1_000_000

    @property
    def size(self) -> int:
        """Bytes, as CloudWatch counts them."""
        return event_size(self.message)


class LogGroup(NamedTuple):
    key: LogGroupKey
    creation_ms: int
    stored_bytes: int


class LogStream(NamedTuple):
    id: int
    key: LogStreamKey
    creation_ms: int
    first_event_ns: int | None
    last_event_ns: int | None
    last_ingestion_ms: int | None


def event_size(message: str) -> int:
    return len(message.encode("utf-8")) + EVENT_OVERHEAD_BYTES


def split_message(message: str, limit: int = MAX_MESSAGE_BYTES) -> list[str]:
    """Cut a message into parts of at most `limit` bytes of UTF-8, never inside a character.

    Halves of surrogate pairs, which UTF-8 cannot express, become question marks.
    """
    data = message.encode("utf-8", errors="replace")
    parts = []
    while len(data) > limit:
        end = limit
        while data[end] & 0xC0 == 0x80:
            end -= 1
        parts.append(data[:end].decode("utf-8"))
        data = data[end:]
    return [*parts, data.decode("utf-8")]
