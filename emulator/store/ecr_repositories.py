"""Rows of ECR's repositories, and when images were pushed to them."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from emulator.domain.ecr import EcrRegistry, Repository, RepositoryKey
from emulator.sqlite import Connection, Database, IntegrityError, Row
from emulator.store.tags import write_tags
from emulator.store.training_jobs import to_column

DEFAULT_SETTINGS: Mapping[str, Any] = {
    "imageTagMutability": "MUTABLE",
    "imageScanningConfiguration": {"scanOnPush": False},
    "encryptionConfiguration": {"encryptionType": "AES256"},
}
_WHERE = "account_id = ? AND region = ? AND name = ?"


class EcrRepositoryStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, repository: Repository, tags: Mapping[str, str]) -> bool:
        """False, with nothing written, where the account has a repository of that name in the Region."""
        try:
            await self._database.run(_insert, repository, tags)
        except IntegrityError:
            return False
        return True

    async def ensure(self, key: RepositoryKey, now: datetime) -> Repository:
        """The repository, created with the default settings where there is none."""
        return await self._database.run(_ensure, Repository(key, now, DEFAULT_SETTINGS))

    async def get(self, key: RepositoryKey) -> Repository | None:
        return await self._database.run(_get, key)

    async def page(self, registry: EcrRegistry, after: str, limit: int) -> list[Repository]:
        """In the order of their names, from the first one behind `after`."""
        return await self._database.run(_page, registry, after, limit)

    async def set(
        self, key: RepositoryKey, column: Literal["settings", "policy", "lifecycle_policy"], value: str | None
    ) -> None:
        await self._database.run(_set, key, column, value)

    async def delete(self, key: RepositoryKey) -> None:
        """With its tags (those of the resource) and pushes."""
        await self._database.run(_delete, key)

    async def note_push(self, key: RepositoryKey, digest: str, now: datetime) -> None:
        """The first push of an image counts, as at AWS."""
        await self._database.run(_note_push, key, digest, now)

    async def pushes(self, key: RepositoryKey) -> dict[str, datetime]:
        """By digest; images that came to the registry past the emulator are missing."""
        return await self._database.run(_pushes, key)

    async def forget_push(self, key: RepositoryKey, digest: str) -> None:
        await self._database.run(_forget_push, key, digest)


def _insert(connection: Connection, repository: Repository, tags: Mapping[str, str]) -> None:
    connection.execute(
        "INSERT INTO ecr_repositories (account_id, region, name, created_at, settings) VALUES (?, ?, ?, ?, ?)",
        (*repository.key, to_column(repository.created_at), json.dumps(dict(repository.settings))),
    )
    write_tags(connection, repository.key.arn, tags)


def _ensure(connection: Connection, repository: Repository) -> Repository:
    found = _get(connection, repository.key)
    if found is None:
        _insert(connection, repository, {})
    return found or repository


def _get(connection: Connection, key: RepositoryKey) -> Repository | None:
    row = connection.execute(f"SELECT * FROM ecr_repositories WHERE {_WHERE}", key).fetchone()  # noqa: S608
    return _from_row(row) if row else None


def _page(connection: Connection, registry: EcrRegistry, after: str, limit: int) -> list[Repository]:
    rows = connection.execute(
        "SELECT * FROM ecr_repositories WHERE account_id = ? AND region = ? AND name > ? ORDER BY name LIMIT ?",
        (*registry, after, limit),
    )
    return [_from_row(row) for row in rows]


def _from_row(row: Row) -> Repository:
    return Repository(
        key=RepositoryKey(row["account_id"], row["region"], row["name"]),
        created_at=datetime.fromisoformat(row["created_at"]),
        settings=json.loads(row["settings"]),
        policy=row["policy"],
        lifecycle_policy=row["lifecycle_policy"],
    )


def _set(connection: Connection, key: RepositoryKey, column: str, value: str | None) -> None:
    """`column` is one of the names in the type of EcrRepositoryStore.set."""
    connection.execute(f"UPDATE ecr_repositories SET {column} = ? WHERE {_WHERE}", (value, *key))  # noqa: S608


def _delete(connection: Connection, key: RepositoryKey) -> None:
    connection.execute(f"DELETE FROM ecr_repositories WHERE {_WHERE}", key)  # noqa: S608
    connection.execute(f"DELETE FROM ecr_pushes WHERE {_WHERE}", key)  # noqa: S608
    connection.execute("DELETE FROM tags WHERE resource_arn = ?", (key.arn,))


def _note_push(connection: Connection, key: RepositoryKey, digest: str, now: datetime) -> None:
    connection.execute(
        "INSERT OR IGNORE INTO ecr_pushes VALUES (?, ?, ?, ?, ?)", (*key, digest, to_column(now))
    )


def _pushes(connection: Connection, key: RepositoryKey) -> dict[str, datetime]:
    rows = connection.execute(f"SELECT digest, pushed_at FROM ecr_pushes WHERE {_WHERE}", key)  # noqa: S608
    return {row["digest"]: datetime.fromisoformat(row["pushed_at"]) for row in rows}


def _forget_push(connection: Connection, key: RepositoryKey, digest: str) -> None:
    connection.execute(f"DELETE FROM ecr_pushes WHERE {_WHERE} AND digest = ?", (*key, digest))  # noqa: S608
