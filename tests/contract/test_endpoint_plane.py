"""Endpoints on scripted containers: from the row to what takes requests, and back, whatever happens on the way."""

from pathlib import Path

import anyio

from emulator.compute.fake import FakeBackend, Script
from tests.support.hosting_house import KEY, NOW, House, S, deployment, play, variant

pytest_plugins = ["tests.support.hosting_fixtures"]

HASTY = {"ContainerStartupHealthCheckTimeoutInSeconds": 60}


def test_endpoint_goes_into_service_with_all_its_instances(tmp_path: Path, backend: FakeBackend) -> None:
    async def story(house: House) -> None:
        await house.create(deployment(1, variant(count=2), variant("Other")))
        endpoint = await house.status(S.IN_SERVICE)
        assert {name: state.instance_count for name, state in endpoint.progress.variants.items()} == {
            "Main": 2, "Other": 1
        }  # fmt: skip
        assert sorted(each.host for each in house.instances()) == ["Main-1", "Main-2"]
        assert house.parts.occupancy.memory_bytes == 3 * 8 * 2**30

    play(tmp_path, backend, story)


def test_container_that_never_gets_healthy_fails_the_endpoint_in_aws_s_words(
    tmp_path: Path, backend: FakeBackend
) -> None:
    backend.scripts, backend.addresses = {"Main-1": Script(exit_code=1)}, {}

    async def story(house: House) -> None:
        await house.create(deployment(1))
        endpoint = await house.status(S.FAILED)
        assert endpoint.progress.failure_reason == (
            "The primary container for production variant Main did not pass the ping health check. "
            "Please check CloudWatch logs for this endpoint."
        )
        assert house.parts.occupancy.memory_bytes == 0
        assert await backend.find() == []

    play(tmp_path, backend, story)


def test_container_that_runs_and_never_answers_fails_after_its_time(
    tmp_path: Path, backend: FakeBackend
) -> None:
    backend.addresses = {}

    async def story(house: House) -> None:
        await house.create(deployment(1, variant(**HASTY)))
        endpoint = await house.status(S.FAILED)
        assert "did not pass the ping health check" in str(endpoint.progress.failure_reason)

    play(tmp_path, backend, story)


def test_container_that_dies_is_replaced_while_the_others_go_on(tmp_path: Path, backend: FakeBackend) -> None:
    async def story(house: House) -> None:
        await house.create(deployment(1, variant(count=2)))
        await house.status(S.IN_SERVICE)
        [lost, other] = house.instances()
        await backend.signal(cluster_of(backend), lost.host, "SIGKILL")
        await house.in_service(1)
        assert house.instances() == [other]
        assert not lost.is_in_service
        await house.in_service(2)

    play(tmp_path, backend, story)


def cluster_of(backend: FakeBackend) -> str:
    return next(cluster for cluster, _ in backend._containers)


def test_update_moves_the_traffic_when_the_new_fleet_is_healthy(tmp_path: Path, backend: FakeBackend) -> None:
    async def story(house: House) -> None:
        await house.create(deployment(1))
        await house.status(S.IN_SERVICE)
        [old] = house.instances()
        await house.parts.endpoints.request_update(KEY, deployment(2, variant(count=2), image="model:2"), NOW)
        endpoint = await house.updated()
        assert endpoint.status is S.IN_SERVICE
        assert endpoint.progress.variants["Main"].images[0].specified_image == "model:2"
        assert old not in house.instances()
        assert len({cluster for cluster, _ in await backend.find()}) == 1
        assert house.parts.occupancy.memory_bytes == 2 * 8 * 2**30

    play(tmp_path, backend, story)


def test_update_waits_for_requests_in_flight_before_the_old_fleet_goes(
    tmp_path: Path, backend: FakeBackend
) -> None:
    async def story(house: House) -> None:
        await house.create(deployment(1))
        await house.status(S.IN_SERVICE)
        [old] = house.instances()
        with old.serving():
            await house.parts.endpoints.request_update(KEY, deployment(2), NOW)
            while house.instances() in ([old], []):
                await anyio.sleep(0.01)
            assert len({cluster for cluster, _ in await backend.find()}) == 2
            assert (await house.until(lambda _: True)).status is S.UPDATING
        await house.updated()
        assert len({cluster for cluster, _ in await backend.find()}) == 1

    play(tmp_path, backend, story)


def test_update_that_fails_leaves_the_old_fleet_in_service(tmp_path: Path, backend: FakeBackend) -> None:
    async def story(house: House) -> None:
        await house.create(deployment(1))
        await house.status(S.IN_SERVICE)
        kept = house.instances()
        backend.scripts, backend.addresses = {"Main-1": Script(exit_code=1)}, {}
        await house.parts.endpoints.request_update(KEY, deployment(2), NOW)
        endpoint = await house.updated()
        assert endpoint.status is S.IN_SERVICE
        assert "ping health check" in str(endpoint.progress.failure_reason)
        assert house.instances() == kept
        assert house.parts.occupancy.memory_bytes == 8 * 2**30

    play(tmp_path, backend, story)


def test_weights_and_counts_change_without_touching_who_stays(tmp_path: Path, backend: FakeBackend) -> None:
    async def story(house: House) -> None:
        await house.create(deployment(1, variant(count=2)))
        await house.status(S.IN_SERVICE)
        first = house.instances()[0]
        wanted = {"Main": {"DesiredInstanceCount": 3, "DesiredWeight": 0.5}}
        await house.parts.endpoints.request_desired(KEY, wanted, NOW, None)
        await house.in_service(3)
        endpoint = await house.status(S.IN_SERVICE)
        assert endpoint.progress.variants["Main"].weight == 0.5
        fewer = {"Main": {"DesiredInstanceCount": 1}}
        await house.parts.endpoints.request_desired(KEY, fewer, NOW, seen=NOW)
        await house.until(lambda e: e.progress.variants["Main"].instance_count == 1)
        assert house.instances() == [first]
        assert house.parts.occupancy.memory_bytes == 8 * 2**30

    play(tmp_path, backend, story)


def test_instances_that_stay_unhealthy_are_not_added_and_nothing_else_changes(
    tmp_path: Path, backend: FakeBackend
) -> None:
    del backend.addresses["Main-2"]

    async def story(house: House) -> None:
        await house.create(deployment(1, variant(**HASTY)))
        await house.status(S.IN_SERVICE)
        kept = house.instances()
        more = {"Main": {"DesiredInstanceCount": 2}}
        await house.parts.endpoints.request_desired(KEY, more, NOW, None)
        endpoint = await house.until(lambda e: e.progress.failure_reason is not None)
        assert endpoint.status is S.IN_SERVICE
        assert endpoint.progress.variants["Main"].instance_count == 1
        assert house.instances() == kept
        assert len(backend._containers) == 1
        assert house.parts.occupancy.memory_bytes == 8 * 2**30

    play(tmp_path, backend, story)


def test_deletion_removes_everything_also_in_the_middle_of_a_creation(
    tmp_path: Path, backend: FakeBackend
) -> None:
    backend.addresses = {}

    async def story(house: House) -> None:
        await house.create(deployment(1))
        while not await backend.find():
            await anyio.sleep(0.01)
        await house.parts.endpoints.request_delete(KEY, NOW)
        await house.until_gone()
        assert await backend.find() == []
        assert house.parts.routes.find(KEY) is None
        assert house.parts.occupancy.memory_bytes == 0

    play(tmp_path, backend, story)


def test_restarted_emulator_serves_the_containers_that_went_on(tmp_path: Path, backend: FakeBackend) -> None:
    async def first(house: House) -> None:
        await house.create(deployment(1, variant(count=2)))
        await house.status(S.IN_SERVICE)

    play(tmp_path, backend, first)
    before = dict(backend._containers)

    async def second(house: House) -> None:
        await house.in_service(2)
        assert backend._containers == before
        assert house.parts.occupancy.memory_bytes == 2 * 8 * 2**30

    play(tmp_path, backend, second)


def test_restart_in_the_middle_of_an_update_ends_it(tmp_path: Path, backend: FakeBackend) -> None:
    async def first(house: House) -> None:
        await house.create(deployment(1))
        await house.status(S.IN_SERVICE)
        backend.addresses = {}
        await house.parts.endpoints.request_update(KEY, deployment(2), NOW)
        while len({cluster for cluster, _ in await backend.find()}) < 2:
            await anyio.sleep(0.01)

    answers = dict(backend.addresses)
    play(tmp_path, backend, first)
    backend.addresses = answers

    async def second(house: House) -> None:
        endpoint = await house.updated()
        assert endpoint.progress.failure_reason is None
        await house.in_service(1)
        assert len({cluster for cluster, _ in await backend.find()}) == 1

    play(tmp_path, backend, second)
