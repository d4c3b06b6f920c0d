import anyio
import pytest

from emulator.domain.endpoint_config import AsyncInferenceConfig
from emulator.hosting.async_queue import AsyncQueue
from emulator.hosting.routing import EndpointRoute, InstanceRoute, VariantRoute


def route(instances: int, config: AsyncInferenceConfig | None = None) -> EndpointRoute:
    hosts = tuple(InstanceRoute(f"v-{number}", ()) for number in range(instances))
    return EndpointRoute(arn="a", variants=(VariantRoute(name="v", instances=hosts),), async_config=config)


def test_turns_are_those_of_the_instances_in_service() -> None:
    async def main() -> None:
        queue, turns = AsyncQueue(), []
        document = {
            "OutputConfig": {"S3OutputPath": "s3://b/out"},
            "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 3},
        }
        config = AsyncInferenceConfig.model_validate(document)
        for seen in (None, route(0, config), route(2, config), route(2)):
            queue.fit(seen)
            turns.append((queue.turns.total_tokens, queue.is_served))
        assert turns == [(0, False), (0, False), (6, True), (8, True)]

    anyio.run(main)


def test_closing_ends_every_place_and_waits_for_it() -> None:
    ended = []

    async def main() -> None:
        queue, may_end = AsyncQueue(), anyio.Event()

        async def work(name: str) -> None:
            with queue.place():
                try:
                    await queue.turns.acquire()
                finally:
                    with anyio.CancelScope(shield=True):
                        await may_end.wait()
                    ended.append(name)

        async with anyio.create_task_group() as tasks:
            for name in "ab":
                tasks.start_soon(work, name)
            await anyio.wait_all_tasks_blocked()
            assert queue.waiting == 2
            tasks.start_soon(queue.close)
            await anyio.wait_all_tasks_blocked()
            assert (queue.waiting, ended) == (2, [])
            may_end.set()
        await queue.close()
        assert (queue.waiting, sorted(ended)) == (0, ["a", "b"])

    anyio.run(main)


def test_a_place_after_the_end_is_none() -> None:
    async def main() -> None:
        queue = AsyncQueue()
        await queue.close()
        with queue.place():
            await anyio.sleep(0)
            pytest.fail("it went on")

    anyio.run(main)
