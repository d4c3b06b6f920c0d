"""Tags of resources, by ARN."""

from collections.abc import Iterable, Mapping

from emulator.domain.reset_scope import ResetScope
from emulator.sqlite import Connection, Database


class TagStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, arn: str) -> dict[str, str]:
        """The resource's tags by key, keys in order."""
        return await self._database.run(read_tags, arn)

    async def put(self, arn: str, tags: Mapping[str, str], limit: int) -> bool:
        """Add or overwrite. False, with nothing written, where more than `limit` tags would result."""
        return await self._database.run(_put_within, arn, tags, limit)

    async def delete(self, arn: str, keys: Iterable[str]) -> None:
        await self._database.run(_delete, arn, list(keys))


def read_tags(connection: Connection, arn: str) -> dict[str, str]:
    rows = connection.execute("SELECT key, value FROM tags WHERE resource_arn = ? ORDER BY key", (arn,))
    return {row["key"]: row["value"] for row in rows}


def write_tags(connection: Connection, arn: str, tags: Mapping[str, str]) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO tags VALUES (?, ?, ?)", [(arn, key, value) for key, value in tags.items()]
    )


def delete_tags(connection: Connection, scope: ResetScope) -> None:
    connection.execute("DELETE FROM tags WHERE resource_arn GLOB ?", (scope.arn_pattern(),))


def _put_within(connection: Connection, arn: str, tags: Mapping[str, str], limit: int) -> bool:
    if len(read_tags(connection, arn).keys() | tags.keys()) > limit:
        return False
    write_tags(connection, arn, tags)
    return True


def _delete(connection: Connection, arn: str, keys: list[str]) -> None:
    connection.executemany(
        "DELETE FROM tags WHERE resource_arn = ? AND key = ?", [(arn, key) for key in keys]
    )
