from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio

from emulator.sqlite import Database
from emulator.store.tags import TagStore

ARN = "arn:aws:sagemaker:eu-west-1:111122223333:training-job/x"


def run(tmp_path: Path, test: Callable[[TagStore], Awaitable[None]]) -> None:
    async def main() -> None:
        database = Database(tmp_path / "state.db", "emulator.store.migrations")
        try:
            await test(TagStore(database))
        finally:
            database.close()

    anyio.run(main)


def test_tags_of_an_unknown_resource_are_none(tmp_path: Path) -> None:
    async def test(store: TagStore) -> None:
        assert await store.get(ARN) == {}
        await store.delete(ARN, ["k"])

    run(tmp_path, test)


def test_tags_are_added_overwritten_and_deleted_by_key(tmp_path: Path) -> None:
    async def test(store: TagStore) -> None:
        assert await store.put(ARN, {"b": "1", "a": "2"}, 50)
        assert await store.put(ARN, {"b": "", "é": "☃"}, 50)
        assert list((await store.get(ARN)).items()) == [("a", "2"), ("b", ""), ("é", "☃")]
        await store.delete(ARN, iter(["a", "unknown", "B"]))
        assert await store.get(ARN) == {"b": "", "é": "☃"}
        assert await store.get(f"{ARN}2") == {}

    run(tmp_path, test)


def test_tags_over_the_limit_change_nothing(tmp_path: Path) -> None:
    async def test(store: TagStore) -> None:
        assert await store.put(ARN, {f"k{n}": "" for n in range(50)}, 50)
        assert await store.put(ARN, {"k0": "new"}, 50)
        assert not await store.put(ARN, {"k1": "new", "one more": ""}, 50)
        found = await store.get(ARN)
        assert (len(found), found["k0"], found["k1"]) == (50, "new", "")

    run(tmp_path, test)
