"""Endpoints and the machine's memory: waiting for room, serverless variants, resets."""

from pathlib import Path
from typing import Any

import anyio
import pytest

from emulator.compute.fake import FakeBackend
from emulator.domain.misfit import Misfit
from emulator.domain.reset_scope import ResetScope
from emulator.occupancy import Holding
from tests.support import web
from tests.support.emulator_server import running_emulator, wait_until
from tests.support.hosting_house import KEY, NOW, House, S, deployment, play, serverless_variant, variant
from tests.support.hosting_requests import a_config_request, a_model_request

pytest_plugins = ["tests.support.hosting_fixtures"]


def test_endpoint_that_finds_no_room_waits_for_it(tmp_path: Path, backend: FakeBackend) -> None:
    async def story(house: House) -> None:
        house.parts.occupancy.hold("somebody", Holding(12 * 2**30))
        await house.create(deployment(1))
        await anyio.sleep(0.2)
        assert await backend.find() == []
        house.parts.occupancy.release("somebody")
        await house.status(S.IN_SERVICE)

    play(tmp_path, backend, story, budget=16 * 2**30)


def test_endpoint_that_waits_too_long_for_room_fails_and_says_for_whom(
    tmp_path: Path, backend: FakeBackend
) -> None:
    async def story(house: House) -> None:
        house.parts.occupancy.hold("arn:of:somebody", Holding(12 * 2**30))
        await house.create(deployment(1))
        endpoint = await house.status(S.FAILED)
        reason = str(endpoint.progress.failure_reason)
        assert reason.startswith("CapacityError")
        assert "arn:of:somebody" in reason

    play(tmp_path, backend, story, budget=16 * 2**30, time_scale=0.001)


def test_endpoint_that_can_never_fit_fails(tmp_path: Path, backend: FakeBackend) -> None:
    async def story(house: House) -> None:
        await house.create(deployment(1, variant(count=3)))
        endpoint = await house.status(S.FAILED)
        assert str(endpoint.progress.failure_reason).startswith("CapacityError")

    play(tmp_path, backend, story, budget=16 * 2**30)


def test_update_gets_what_the_endpoint_had_where_both_do_not_fit(
    tmp_path: Path, backend: FakeBackend
) -> None:
    async def story(house: House) -> None:
        await house.create(deployment(1))
        await house.status(S.IN_SERVICE)
        before = backend.limits()
        await house.parts.endpoints.request_update(KEY, deployment(2), NOW)
        await house.updated()
        assert backend.limits() == before
        assert house.parts.occupancy.memory_bytes == 6 * 2**30

    play(tmp_path, backend, story, budget=6 * 2**30, memory=Misfit.SCALE)


@pytest.mark.parametrize("policy", list(Misfit))
def test_instances_that_find_no_room_beside_the_others_are_not_added(
    tmp_path: Path, backend: FakeBackend, policy: Misfit
) -> None:
    async def story(house: House) -> None:
        await house.create(deployment(1))
        await house.status(S.IN_SERVICE)
        kept = house.instances()
        more = {"Main": {"DesiredInstanceCount": 2}}
        await house.parts.endpoints.request_desired(KEY, more, NOW, None)
        endpoint = await house.until(lambda e: e.progress.failure_reason is not None)
        assert str(endpoint.progress.failure_reason).startswith("CapacityError")
        assert endpoint.status is S.IN_SERVICE
        assert house.instances() == kept

    play(tmp_path, backend, story, budget=12 * 2**30, memory=policy)


def test_serverless_variant_runs_while_somebody_asks(tmp_path: Path, backend: FakeBackend) -> None:
    async def story(house: House) -> None:
        await house.create(deployment(1, serverless_variant()))
        await house.status(S.IN_SERVICE)
        assert house.instances() == []
        route = house.parts.routes.find(KEY)
        found = route.variant("Main") if route else None
        assert found is not None
        assert found.wake is not None
        with house.parts.routes.traffic(KEY, "Main").serving():
            await found.wake()
            await house.in_service(1)
            assert backend.limits()[0].memory_bytes == 2**30
        await house.in_service(0)
        with anyio.fail_after(60):
            while backend._containers:
                await anyio.sleep(0.01)

    play(tmp_path, backend, story, time_scale=0.01)


def test_reset_takes_the_endpoints_of_its_scope(tmp_path: Path, backend: FakeBackend) -> None:
    async def story(house: House) -> None:
        await house.create(deployment(1))
        await house.status(S.IN_SERVICE)
        async with house.plane.resetting(ResetScope()) as count:
            assert count == {"endpoints": 1, "transform_jobs": 0}
        assert await backend.find() == []
        assert house.parts.occupancy.memory_bytes == 0
        assert house.parts.routes.find(KEY) is None

    play(tmp_path, backend, story)


def test_an_endpoint_that_waits_for_room_says_for_whom(tmp_path: Path, backend: FakeBackend) -> None:
    with running_emulator(tmp_path, backend, memory_budget="20GiB", time_scale=1) as running:
        sagemaker, occupancy = running.client("sagemaker"), running.emulator.parts.occupancy

        def report() -> Any:
            return web.get(f"{running.endpoint}/_emulator/endpoints/e").json()

        sagemaker.create_model(**a_model_request("m"))
        sagemaker.create_endpoint_config(**a_config_request("c", ProductionVariants=[variant()]))
        sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
        wait_until(lambda: report()["status"] == "InService")
        assert report()["waits_for"] == {}
        occupancy.hold("arn:of:somebody", Holding(10 * 2**30))
        more = {"VariantName": "Main", "DesiredInstanceCount": 2}
        sagemaker.update_endpoint_weights_and_capacities(EndpointName="e", DesiredWeightsAndCapacities=[more])
        told = wait_until(lambda: report()["waits_for"])
        assert told["arn:of:somebody"] == 10 * 2**30
