"""One SQLite file, used by one thread at a time."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from anyio import CapacityLimiter

from emulator.blocking import blocking

P = ParamSpec("P")
T = TypeVar("T")

# Callers annotate with these instead of importing sqlite3 themselves.
Connection = sqlite3.Connection
Row = sqlite3.Row
IntegrityError = sqlite3.IntegrityError


class Database:
    """A file in WAL mode with numbered migrations.

    `run(fn, *args)` executes `fn(connection, *args)` in one transaction on a worker thread; an exception
    rolls it back. Transactions of one file never overlap, so no caller needs a lock.
    """

    def __init__(self, path: Path, migrations: str, outlives_power_cuts: bool = False) -> None:
        """Open `path`, creating it, and apply the `NNNN_*.sql` files of the package `migrations`.

        A killed process never loses a committed transaction; a power cut may take the last ones, unless asked
        otherwise, which costs a flush of the disk each time.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._limiter = CapacityLimiter(1)
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        synchronous = "FULL" if outlives_power_cuts else "NORMAL"
        self._connection.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous={synchronous};")
        migrate(self._connection, migrations)

    async def run(self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await blocking(self._limiter, lambda: self._transact(lambda c: fn(c, *args, **kwargs)))

    def look(self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """For any thread, without an event loop: `fn`, which only reads, sees what is committed by now.

        It has a connection of its own, so it neither waits for transactions nor holds them up.
        """
        address = f"{self._path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, isolation_level=None)) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("BEGIN")
            return fn(connection, *args, **kwargs)

    def _transact(self, work: Callable[[Connection], T]) -> T:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(self._connection)
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        return result

    def close(self) -> None:
        """Close the file. No call of `run` may be under way."""
        self._connection.close()


def migrate(connection: Connection, package: str) -> None:
    """Apply the scripts whose number is above the file's `user_version`, each in a transaction."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    scripts = sorted((f for f in files(package).iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    for script in scripts:
        number = int(re.match(r"\d+", script.name)[0])  # type: ignore[index]
        if number > version:
            sql = script.read_text(encoding="utf-8")
            connection.executescript(f"BEGIN; {sql}; PRAGMA user_version = {number}; COMMIT;")
