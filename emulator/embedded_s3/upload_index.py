"""The rows of multipart uploads and their parts. Every function runs inside one transaction of the index."""

import json
from collections.abc import Mapping

from emulator.embedded_s3 import errors
from emulator.embedded_s3.bucket_index import require_bucket
from emulator.embedded_s3.object_index import find_object, put_object
from emulator.embedded_s3.records import (
    BucketTarget,
    StoredObject,
    Upload,
    UploadedPart,
    dump_description,
    from_epoch,
    load_description,
)
from emulator.sqlite import Connection, Row


def _upload(row: Row) -> Upload:
    return Upload(
        upload_id=row["upload_id"],
        bucket=row["bucket"],
        key=row["key"].decode("utf-8"),
        initiated=from_epoch(row["initiated"]),
        description=load_description(json.loads(row["document"])),
        algorithm=row["algorithm"],
        checksum_type=row["checksum_type"],
    )


def _part(row: Row) -> UploadedPart:
    modified = from_epoch(row["last_modified"])
    checksums = json.loads(row["checksums"])
    return UploadedPart(row["number"], row["blob"], row["size"], row["etag"], modified, checksums)


def insert_upload(conn: Connection, target: BucketTarget, upload: Upload) -> None:
    require_bucket(conn, target)
    identity = (upload.upload_id, upload.bucket, upload.key.encode("utf-8"))
    initiated, document = int(upload.initiated.timestamp()), dump_description(upload.description)
    conn.execute(
        "INSERT INTO uploads VALUES (?, ?, ?, ?, ?, ?, ?)",
        (*identity, initiated, upload.algorithm, upload.checksum_type, document),
    )


def require_upload(conn: Connection, target: BucketTarget, key: str, upload_id: str) -> Upload:
    """Raises NoSuchBucket, NoSuchUpload, AccessDenied."""
    require_bucket(conn, target)
    row = conn.execute(
        "SELECT * FROM uploads WHERE upload_id = ? AND bucket = ? AND key = ?",
        (upload_id, target.name, key.encode("utf-8")),
    ).fetchone()
    if row is None:
        raise errors.no_such_upload(upload_id)
    return _upload(row)


def put_part(
    conn: Connection, target: BucketTarget, key: str, upload_id: str, part: UploadedPart
) -> list[str]:
    """Make `part` the part of its number; returns the dead blobs."""
    require_upload(conn, target, key, upload_id)
    identity = (upload_id, part.number)
    old = conn.execute("SELECT blob FROM parts WHERE upload_id = ? AND number = ?", identity).fetchone()
    checksums = json.dumps(dict(part.checksums), separators=(",", ":"))
    modified = int(part.last_modified.timestamp())
    conn.execute(
        "INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?, ?, ?, ?)",
        (*identity, part.blob, part.size, part.etag, modified, checksums),
    )
    return [old["blob"]] if old else []


def list_parts(conn: Connection, upload_id: str, after: int, limit: int) -> list[UploadedPart]:
    rows = conn.execute(
        "SELECT * FROM parts WHERE upload_id = ? AND number > ? ORDER BY number LIMIT ?",
        (upload_id, after, limit),
    )
    return [_part(row) for row in rows]


def list_uploads(
    conn: Connection, target: BucketTarget, within: tuple[str, str], after: tuple[str, str], limit: int
) -> tuple[list[Upload], list[str]]:
    """The uploads under way after (key, upload id), by key and id, and the common prefixes of the others.

    `within` is prefix and delimiter: keys start with the one, and those with the other behind it are rolled up.
    """
    require_bucket(conn, target)
    start, delimiter = (text.encode("utf-8") for text in within)
    found = "FROM uploads WHERE bucket = ? AND substr(key, 1, ?) = ? AND (key, upload_id) > (?, ?)"
    which = (target.name, len(start), start, after[0].encode("utf-8"), after[1])
    if not delimiter:
        rows = conn.execute(f"SELECT * {found} ORDER BY key, upload_id LIMIT ?", (*which, limit))
        return [_upload(row) for row in rows], []
    place, where = "instr(substr(key, ?), ?)", (len(start) + 1, delimiter)
    rows = conn.execute(
        f"SELECT * {found} AND {place} = 0 ORDER BY key, upload_id LIMIT ?",
        (*which, *where, limit),
    )
    prefixes = conn.execute(
        f"SELECT DISTINCT substr(key, 1, ? + {place}) AS prefix {found} AND {place} > 0 ORDER BY prefix",
        (len(start) + len(delimiter) - 1, *where, *which, *where),
    )
    return [_upload(row) for row in rows], [row["prefix"].decode("utf-8") for row in prefixes]


def delete_upload(conn: Connection, target: BucketTarget, key: str, upload_id: str) -> list[str]:
    """Forget the upload and its parts; returns the dead blobs."""
    require_upload(conn, target, key, upload_id)
    blobs = [row[0] for row in conn.execute("SELECT blob FROM parts WHERE upload_id = ?", (upload_id,))]
    conn.execute("DELETE FROM parts WHERE upload_id = ?", (upload_id,))
    conn.execute("DELETE FROM uploads WHERE upload_id = ?", (upload_id,))
    return blobs


def complete_upload(
    conn: Connection, target: BucketTarget, stored: StoredObject, headers: Mapping[str, str]
) -> list[str]:
    """Turn the upload `stored.upload_id` into `stored`; returns the dead blobs. Raises NoSuchUpload."""
    parts = delete_upload(conn, target, stored.key, stored.upload_id)
    return put_object(conn, target, stored, headers) + parts


def find_completed(conn: Connection, target: BucketTarget, key: str, upload_id: str) -> StoredObject:
    """The object that this upload has become, for a client that completes it twice. Raises NoSuchUpload."""
    require_bucket(conn, target)
    stored = find_object(conn, target.name, key)
    if stored is None or not upload_id or stored.upload_id != upload_id:
        raise errors.no_such_upload(upload_id)
    return stored
