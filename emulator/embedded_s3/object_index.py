"""The rows of objects. Every function runs inside one transaction of the index.

A row names an immutable blob. The functions that take a blob's last row away return its id; the caller
removes the file after the transaction, so that whoever opens a blob within one always finds it.
"""

import json
from collections.abc import Mapping

from emulator.embedded_s3 import conditions, errors
from emulator.embedded_s3.blobs import BlobStore, OpenBlob
from emulator.embedded_s3.bucket_index import require_bucket
from emulator.embedded_s3.checksums import ObjectChecksum
from emulator.embedded_s3.records import (
    BucketTarget,
    ObjectDescription,
    ObjectPart,
    StoredObject,
    dump_description,
    from_epoch,
    load_description,
)
from emulator.sqlite import Connection, Row

SMALL = 64 * 1024
"""Bytes of an object that is read at once where it is opened, which saves a change of threads."""


def _stored_object(row: Row) -> StoredObject:
    document = json.loads(row["document"])
    checksum = None
    if row["checksum_algorithm"]:
        checksum = ObjectChecksum(row["checksum_algorithm"], row["checksum_value"], row["checksum_type"])
    return StoredObject(
        key=row["key"].decode("utf-8"),
        blob=row["blob"],
        size=row["size"],
        etag=row["etag"],
        last_modified=from_epoch(row["last_modified"]),
        checksum=checksum,
        description=load_description(document),
        parts=tuple(ObjectPart(*part) for part in document.get("parts", ())),
        upload_id=document.get("upload_id", ""),
    )


def find_object(conn: Connection, bucket: str, key: str) -> StoredObject | None:
    row = conn.execute(
        "SELECT * FROM objects WHERE bucket = ? AND key = ?", (bucket, key.encode("utf-8"))
    ).fetchone()
    return _stored_object(row) if row else None


def require_object(conn: Connection, target: BucketTarget, key: str) -> StoredObject:
    """Raises NoSuchBucket, NoSuchKey, AccessDenied."""
    require_bucket(conn, target)
    stored = find_object(conn, target.name, key)
    if stored is None:
        raise errors.no_such_key(key)
    return stored


def open_object(
    conn: Connection, blobs: BlobStore, target: BucketTarget, key: str
) -> tuple[StoredObject, OpenBlob]:
    """The object and its opened blob, which the caller closes. Raises what require_object does."""
    stored = require_object(conn, target, key)
    return stored, blobs.open(stored.blob, prefetch=stored.size <= SMALL)


def put_object(
    conn: Connection, target: BucketTarget, stored: StoredObject, headers: Mapping[str, str]
) -> list[str]:
    """Make `stored` the object of its key, if the conditions in `headers` hold; returns the dead blobs."""
    require_bucket(conn, target)
    old = find_object(conn, target.name, stored.key)
    conditions.check_write(headers, stored.key, old.etag if old else None)
    document = dump_description(stored.description, parts=stored.parts, upload_id=stored.upload_id)
    checksum = stored.checksum or (None, None, None)
    modified = int(stored.last_modified.timestamp())
    listed = (target.name, stored.key.encode("utf-8"), stored.size, stored.etag, modified)
    conn.execute(
        "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*listed, *checksum, stored.blob, document),
    )
    return [old.blob] if old else []


def delete_object(conn: Connection, target: BucketTarget, key: str, headers: Mapping[str, str]) -> list[str]:
    """Delete the object, if there is one and the conditions in `headers` hold; returns the dead blobs."""
    require_bucket(conn, target)
    old = find_object(conn, target.name, key)
    if "if-match" in headers:
        conditions.check_write({"if-match": headers["if-match"]}, key, old.etag if old else None)
    conn.execute("DELETE FROM objects WHERE bucket = ? AND key = ?", (target.name, key.encode("utf-8")))
    return [old.blob] if old else []


def delete_objects(conn: Connection, target: BucketTarget, keys: list[str]) -> list[str]:
    return [blob for key in keys for blob in delete_object(conn, target, key, {})]


def set_object_tags(conn: Connection, target: BucketTarget, key: str, tags: Mapping[str, str]) -> None:
    stored = require_object(conn, target, key)
    description = ObjectDescription(stored.description.headers, tags)
    document = dump_description(description, parts=stored.parts, upload_id=stored.upload_id)
    conn.execute(
        "UPDATE objects SET document = ? WHERE bucket = ? AND key = ?",
        (document, target.name, key.encode("utf-8")),
    )


def all_blobs(conn: Connection) -> set[str]:
    """Every blob that a row names."""
    return {row[0] for row in conn.execute("SELECT blob FROM objects UNION ALL SELECT blob FROM parts")}
