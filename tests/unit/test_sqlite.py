import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from sqlite3 import OperationalError

import anyio
import pytest

from emulator.sqlite import Connection, Database, IntegrityError, migrate

FIRST = "CREATE TABLE t (x INTEGER PRIMARY KEY) STRICT;"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An importable package `some_migrations` of one script."""
    directory = tmp_path / "packages" / "some_migrations"
    directory.mkdir(parents=True)
    (directory / "__init__.py").touch()
    (directory / "0001_first.sql").write_text(FIRST)
    monkeypatch.syspath_prepend(directory.parent)
    yield directory
    sys.modules.pop("some_migrations", None)


@pytest.fixture
def database(tmp_path: Path, package: Path) -> Iterator[Database]:
    database = Database(tmp_path / "deep" / "state.db", package.name)
    yield database
    database.close()


def insert(connection: Connection, *values: int) -> None:
    for value in values:
        connection.execute("INSERT INTO t VALUES (?)", (value,))


def select(connection: Connection) -> list[int]:
    return [row["x"] for row in connection.execute("SELECT x FROM t ORDER BY x")]


def version(connection: Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_run_commits_and_returns_what_the_function_returns(database: Database) -> None:
    async def main() -> list[int]:
        await database.run(insert, 1, 2)
        return await database.run(select)

    assert anyio.run(main) == [1, 2]


def test_run_rolls_back_when_the_function_raises(database: Database) -> None:
    async def main() -> list[int]:
        await database.run(insert, 1)
        with pytest.raises(IntegrityError):
            await database.run(insert, 2, 1)
        await database.run(insert, 3)
        return await database.run(select)

    assert anyio.run(main) == [1, 3]


def test_run_never_overlaps_with_another(database: Database) -> None:
    inside: set[int] = set()
    most: list[int] = []

    def work(connection: Connection, value: int) -> None:
        inside.add(threading.get_ident())
        most.append(len(inside))
        insert(connection, value)
        inside.discard(threading.get_ident())

    async def main() -> list[int]:
        async with anyio.create_task_group() as tasks:
            for value in range(30):
                tasks.start_soon(database.run, work, value)
        return await database.run(select)

    assert anyio.run(main) == list(range(30))
    assert max(most) == 1


def test_data_survives_a_new_process(tmp_path: Path, package: Path) -> None:
    for values in ((1,), (2,)):
        database = Database(tmp_path / "state.db", package.name)
        anyio.run(database.run, insert, *values)
        database.close()
    database = Database(tmp_path / "state.db", package.name)

    assert anyio.run(database.run, select) == [1, 2]
    database.close()


def test_migrate_applies_what_is_new_in_the_order_of_the_numbers(tmp_path: Path, package: Path) -> None:
    path = tmp_path / "state.db"
    Database(path, package.name).close()
    (package / "0010_last.sql").write_text("UPDATE t SET x = x * 10;")
    (package / "0002_more.sql").write_text("INSERT INTO t VALUES (7);")
    (package / "notes.txt").write_text("no script")

    database = Database(path, package.name)

    assert anyio.run(database.run, select) == [70]
    assert anyio.run(database.run, version) == 10
    database.close()


def test_migrate_applies_each_script_once(database: Database, package: Path) -> None:
    def again(connection: Connection) -> int:
        connection.execute("COMMIT")
        migrate(connection, package.name)
        connection.execute("BEGIN")
        return version(connection)

    assert anyio.run(database.run, again) == 1


def test_database_is_in_wal_mode(database: Database) -> None:
    def journal_mode(connection: Connection) -> str:
        return str(connection.execute("PRAGMA journal_mode").fetchone()[0])

    assert anyio.run(database.run, journal_mode) == "wal"


def test_look_sees_what_is_committed_and_waits_for_nobody(database: Database) -> None:
    def work(connection: Connection) -> list[int]:
        insert(connection, 2)
        return database.look(select)

    async def main() -> list[int]:
        await database.run(insert, 1)
        return await database.run(work)

    assert anyio.run(main) == [1]
    assert database.look(select) == [1, 2]


def test_look_writes_nothing(database: Database) -> None:
    with pytest.raises(OperationalError, match="readonly"):
        database.look(insert, 1)
    assert database.look(select) == []
