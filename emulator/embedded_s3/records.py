"""What the index holds: buckets, objects, uploads and their parts."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import NamedTuple

from emulator.embedded_s3.checksums import ObjectChecksum


class BucketTarget(NamedTuple):
    """The bucket a request is about, and the account it expects to own it (None: any)."""

    name: str
    expected_owner: str | None = None


class Bucket(NamedTuple):
    name: str
    account_id: str
    region: str
    creation_time: datetime


class ObjectPart(NamedTuple):
    """A part of a completed multipart upload. `checksum` is base64, or empty."""

    number: int
    size: int
    checksum: str


@dataclass(frozen=True)
class ObjectDescription:
    """What the writer of an object says of it. `headers` are the ones a reader gets back, lower-case."""

    headers: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StoredObject:
    key: str
    blob: str
    size: int
    etag: str
    """Without quotes."""
    last_modified: datetime
    checksum: ObjectChecksum | None
    description: ObjectDescription
    parts: tuple[ObjectPart, ...] = ()
    upload_id: str = ""
    """Of the multipart upload it comes from."""


@dataclass(frozen=True)
class Upload:
    upload_id: str
    bucket: str
    key: str
    initiated: datetime
    description: ObjectDescription
    algorithm: str | None
    """None where the client has chosen none."""
    checksum_type: str


class UploadedPart(NamedTuple):
    number: int
    blob: str
    size: int
    etag: str
    last_modified: datetime
    checksums: Mapping[str, str]
    """Algorithm -> base64."""


def owner_id(account_id: str) -> str:
    """The canonical user id of an account: 64 hexadecimal digits, made up from its number."""
    return hashlib.sha256(account_id.encode("ascii")).hexdigest()


def whole_seconds(time: datetime) -> datetime:
    """S3 keeps times of objects in whole seconds."""
    return time.replace(microsecond=0)


def from_epoch(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def iso_time(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def http_time(time: datetime) -> str:
    return format_datetime(time, usegmt=True)


def dump_description(description: ObjectDescription, **more: object) -> str:
    fields: dict[str, object] = {"headers": dict(description.headers), "tags": dict(description.tags), **more}
    return json.dumps({name: value for name, value in fields.items() if value}, separators=(",", ":"))


def load_description(document: Mapping[str, Mapping[str, str]]) -> ObjectDescription:
    return ObjectDescription(document.get("headers", {}), document.get("tags", {}))
