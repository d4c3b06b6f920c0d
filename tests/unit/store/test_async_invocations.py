from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from emulator.domain.reset_scope import ResetScope
from emulator.domain.s3_uri import S3Uri
from emulator.sqlite import Database
from emulator.store.async_invocations import AsyncInvocation
from emulator.store.hosting_stores import HostingStores
from tests.support.builders import REGION
from tests.support.clock import START
from tests.support.hosting_requests import an_endpoint

HERE, OTHER = an_endpoint("Here"), an_endpoint("Other")
ELSEWHERE = replace(HERE, key=HERE.key._replace(region="us-east-2"))
INVOCATION = AsyncInvocation(
    HERE.key,
    START,
    {"InferenceId": "mine", "RequestTTLSeconds": 60},
    S3Uri("b", "out/x"),
    S3Uri("b", "bad/x"),
)

Run = Callable[[Callable[[HostingStores], Awaitable[None]]], None]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a test against stores with three endpoints."""

    def run_with_stores(test: Callable[[HostingStores], Awaitable[None]]) -> None:
        async def main() -> None:
            database = Database(tmp_path / "state.db", "emulator.store.migrations")
            stores = HostingStores.of(database)
            for endpoint in (HERE, OTHER, ELSEWHERE):
                await stores.endpoints.create(endpoint, {})
            try:
                await test(stores)
            finally:
                database.close()

        anyio.run(main)

    return run_with_stores


def test_an_invocation_is_there_until_it_is_removed(run: Run) -> None:
    async def test(stores: HostingStores) -> None:
        store = stores.async_invocations
        first = await store.add(INVOCATION, b"\0body")
        second = await store.add(replace(INVOCATION, endpoint=OTHER.key, failure=None), b"")
        assert first == replace(INVOCATION, number=1)
        assert second is not None
        assert await store.all() == [first, second]
        assert (await store.body(first), await store.body(second)) == (b"\0body", b"")
        await store.remove(second)
        assert (await store.all(), await store.body(second)) == ([first], None)
        third = await store.add(INVOCATION, b"")
        assert third is not None
        assert third.number == 3, "a number is used once"

    run(test)


def test_an_endpoint_that_is_gone_or_unwanted_takes_none(run: Run) -> None:
    async def test(stores: HostingStores) -> None:
        store = stores.async_invocations
        unknown = replace(INVOCATION, endpoint=HERE.key._replace(name="Unknown"))
        assert await store.add(unknown, b"") is None
        kept = await store.add(replace(INVOCATION, endpoint=OTHER.key), b"")
        before = await store.add(INVOCATION, b"")
        assert before is not None
        await stores.endpoints.request_delete(HERE.key, START)
        assert await store.add(INVOCATION, b"") is None
        assert await store.all() == [kept]
        await stores.endpoints.remove(HERE)
        assert await store.body(before) is None

    run(test)


def test_a_reset_takes_those_of_its_scope(run: Run) -> None:
    async def test(stores: HostingStores) -> None:
        await stores.async_invocations.add(INVOCATION, b"")
        kept = await stores.async_invocations.add(replace(INVOCATION, endpoint=ELSEWHERE.key), b"")
        await stores.delete_all(ResetScope(region=REGION))
        assert await stores.async_invocations.all() == [kept]

    run(test)
