"""The rows of buckets. Every function runs inside one transaction of the index."""

import json
from collections.abc import Mapping
from datetime import datetime

from emulator.domain.default_bucket import place_by_name
from emulator.domain.reset_scope import ResetScope
from emulator.embedded_s3 import errors
from emulator.embedded_s3.records import Bucket, BucketTarget, from_epoch, whole_seconds
from emulator.sqlite import Connection, Row


def _bucket(row: Row) -> Bucket:
    return Bucket(row["name"], row["account_id"], row["region"], from_epoch(row["creation_time"]))


def find_bucket(conn: Connection, name: str) -> Bucket | None:
    row = conn.execute("SELECT * FROM buckets WHERE name = ?", (name,)).fetchone()
    return _bucket(row) if row else None


def require_bucket(conn: Connection, target: BucketTarget) -> Bucket:
    """Raises NoSuchBucket, and AccessDenied where another account owns it than the request expects."""
    bucket = find_bucket(conn, target.name)
    if bucket is None:
        raise errors.no_such_bucket(target.name)
    if target.expected_owner is not None and target.expected_owner != bucket.account_id:
        raise errors.access_denied()
    return bucket


def require_bucket_to_fill(conn: Connection, name: str, now: datetime) -> Bucket:
    """A default bucket is made where it is missing. Raises NoSuchBucket."""
    place = place_by_name(name)
    if place is not None:
        region, account_id = place
        insert_bucket(conn, Bucket(name, account_id, region, whole_seconds(now)))
    return require_bucket(conn, BucketTarget(name))


def insert_bucket(conn: Connection, bucket: Bucket) -> Bucket | None:
    """Make the bucket, or return the one that has the name already."""
    present = find_bucket(conn, bucket.name)
    if present is None:
        created = int(bucket.creation_time.timestamp())
        conn.execute(
            "INSERT INTO buckets (name, account_id, region, creation_time) VALUES (?, ?, ?, ?)",
            (bucket.name, bucket.account_id, bucket.region, created),
        )
    return present


def list_buckets(conn: Connection, account_id: str, prefix: str, after: str, limit: int) -> list[Bucket]:
    rows = conn.execute(
        "SELECT * FROM buckets WHERE account_id = ? AND substr(name, 1, ?) = ? AND name > ?"
        " ORDER BY name LIMIT ?",
        (account_id, len(prefix), prefix, after, limit),
    )
    return [_bucket(row) for row in rows]


def delete_bucket(conn: Connection, target: BucketTarget) -> list[str]:
    """Delete an empty bucket together with its unfinished uploads; returns the blobs nobody needs now.

    Raises BucketNotEmpty.
    """
    require_bucket(conn, target)
    if conn.execute("SELECT 1 FROM objects WHERE bucket = ? LIMIT 1", (target.name,)).fetchone():
        raise errors.bucket_not_empty(target.name)
    mine = "upload_id IN (SELECT upload_id FROM uploads WHERE bucket = ?)"
    blobs = [row[0] for row in conn.execute(f"SELECT blob FROM parts WHERE {mine}", (target.name,))]  # noqa: S608
    conn.execute(f"DELETE FROM parts WHERE {mine}", (target.name,))  # noqa: S608
    conn.execute("DELETE FROM uploads WHERE bucket = ?", (target.name,))
    conn.execute("DELETE FROM buckets WHERE name = ?", (target.name,))
    return blobs


def delete_buckets(conn: Connection, scope: ResetScope) -> tuple[int, list[str]]:
    """Delete the scope's buckets with all that they hold; returns how many, and the dead blobs."""
    condition, values = scope.where()
    mine = f"bucket IN (SELECT name FROM buckets WHERE {condition})"  # noqa: S608
    of_uploads = f"upload_id IN (SELECT upload_id FROM uploads WHERE {mine})"  # noqa: S608
    blobs = [
        *(row[0] for row in conn.execute(f"SELECT blob FROM objects WHERE {mine}", values)),  # noqa: S608
        *(row[0] for row in conn.execute(f"SELECT blob FROM parts WHERE {of_uploads}", values)),  # noqa: S608
    ]
    conn.execute(f"DELETE FROM parts WHERE {of_uploads}", values)  # noqa: S608
    conn.execute(f"DELETE FROM uploads WHERE {mine}", values)  # noqa: S608
    conn.execute(f"DELETE FROM objects WHERE {mine}", values)  # noqa: S608
    return conn.execute(f"DELETE FROM buckets WHERE {condition}", values).rowcount, blobs  # noqa: S608


def bucket_tags(conn: Connection, target: BucketTarget) -> dict[str, str]:
    require_bucket(conn, target)
    (tags,) = conn.execute("SELECT tags FROM buckets WHERE name = ?", (target.name,)).fetchone()
    return dict(json.loads(tags))


def set_bucket_tags(conn: Connection, target: BucketTarget, tags: Mapping[str, str]) -> None:
    require_bucket(conn, target)
    conn.execute("UPDATE buckets SET tags = ? WHERE name = ?", (json.dumps(dict(tags)), target.name))
