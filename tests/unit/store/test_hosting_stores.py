from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from emulator.domain.endpoint import EndpointStatus
from emulator.domain.reset_scope import ResetScope
from emulator.domain.transform_job import TransformJobStatus
from emulator.sqlite import Database
from emulator.store.hosting_stores import HostingStores
from emulator.store.resource_pages import ResourceQuery
from emulator.store.tags import TagStore
from tests.support.builders import ACCOUNT, REGION
from tests.support.clock import START
from tests.support.hosting_requests import (
    a_deployment,
    a_model,
    a_transform_job,
    an_endpoint,
    in_service,
)

LATER = START + timedelta(seconds=90)
LATEST = START + timedelta(seconds=180)

Test = Callable[[HostingStores, TagStore], Awaitable[None]]
Run = Callable[[Test], None]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a test against stores on the same file, opened anew each time."""

    def run_with_stores(test: Test) -> None:
        async def main() -> None:
            database = Database(tmp_path / "state.db", "emulator.store.migrations")
            try:
                await test(HostingStores.of(database), TagStore(database))
            finally:
                database.close()

        anyio.run(main)

    return run_with_stores


def query(limit: int = 10, **members: object) -> ResourceQuery:
    return ResourceQuery(account_id=ACCOUNT, region=REGION, limit=limit, **members)  # type: ignore[arg-type]


def test_a_definition_is_there_until_it_is_deleted_with_its_tags(run: Run) -> None:
    model = a_model("Mixed-Case")

    async def test(stores: HostingStores, tags: TagStore) -> None:
        assert await stores.models.create(model, {"team": "a"})
        assert not await stores.models.create(a_model("mixed-case"), {})
        assert await stores.models.get(model.key) == model
        assert await stores.models.get(model.key._replace(region="us-east-2")) is None
        assert await tags.get(model.key.arn) == {"team": "a"}
        assert await stores.models.delete(model.key)
        assert not await stores.models.delete(model.key)
        assert await tags.get(model.key.arn) == {}

    run(test)


def test_pages_go_on_where_the_last_one_ended(run: Run) -> None:
    """Of equal times the names decide, and another account or Region has no part in it."""

    async def test(stores: HostingStores, _: TagStore) -> None:
        for name in ("b", "a", "c", "other"):
            await stores.models.create(a_model(name), {})
        elsewhere = a_model("elsewhere")
        await stores.models.create(replace(elsewhere, key=elsewhere.key._replace(region="us-east-2")), {})
        first = await stores.models.page(query(limit=2, descending=True))
        assert [model.key.name for model in first.resources] == ["other", "c"]
        rest = await stores.models.page(query(limit=2, descending=True, after=first.last))
        assert ([model.key.name for model in rest.resources], rest.last) == (["b", "a"], None)
        found = await stores.models.page(query(sort_by="Name", name_contains="OTH"))
        assert [model.key.name for model in found.resources] == ["other"]
        assert not (await stores.models.page(query(times={"creation_time <": START}))).resources

    run(test)


def test_an_endpoint_is_read_as_both_planes_left_it(run: Run) -> None:
    endpoint = an_endpoint("Mixed-Case")
    serving = in_service(endpoint)

    async def test(stores: HostingStores, _: TagStore) -> None:
        assert await stores.endpoints.create(endpoint, {"team": "a"})
        assert not await stores.endpoints.create(an_endpoint("mixed-case"), {})
        assert await stores.endpoints.get(endpoint.key) == endpoint
        await stores.endpoints.save_progress(serving)
        wish = {"AllTraffic": {"DesiredWeight": 2.0}}
        assert await stores.endpoints.request_desired(endpoint.key, wish, LATER, seen=None)
        assert not await stores.endpoints.request_desired(endpoint.key, {}, LATEST, seen=None)
        assert not await stores.endpoints.request_desired(endpoint.key, {}, LATEST, seen=LATEST)
        found = await stores.endpoints.get(endpoint.key)
        assert found is not None
        assert (found.progress, found.desired_revision, found.modified_at) == (serving.progress, 1, LATER)
        assert (found.status, found.last_modified_time) == (EndpointStatus.UPDATING, LATER)

    run(test)


def test_of_two_wishes_at_a_time_the_second_is_refused(run: Run) -> None:
    endpoint = an_endpoint()

    async def test(stores: HostingStores, _: TagStore) -> None:
        store = stores.endpoints
        await store.create(endpoint, {})
        assert not await store.request_desired(endpoint.key, {}, LATER, None), "nothing is in service"
        await store.save_progress(in_service(endpoint))
        assert await store.request_update(endpoint.key, a_deployment(2), LATER)
        assert not await store.request_update(endpoint.key, a_deployment(2), LATER)
        assert not await store.request_desired(endpoint.key, {}, LATER, LATER), "it is being replaced"
        await store.request_delete(endpoint.key, LATER)
        await store.request_delete(endpoint.key, LATEST)
        assert not await store.request_update(endpoint.key, a_deployment(3), LATEST)
        found = await store.get(endpoint.key)
        assert found is not None
        assert (found.delete_requested_at, found.deployment.revision) == (LATER, 2)

    run(test)


def test_only_an_unwanted_endpoint_is_removed_and_nothing_is_saved_of_a_former_one(run: Run) -> None:
    former, endpoint = an_endpoint(), an_endpoint(created=LATER)

    async def test(stores: HostingStores, tags: TagStore) -> None:
        store = stores.endpoints
        await store.create(endpoint, {"team": "a"})
        await store.remove(endpoint)
        await store.save_progress(in_service(former))
        assert await store.all() == [endpoint]
        await store.request_delete(endpoint.key, LATEST)
        await store.remove(former)
        assert len(await store.all()) == 1
        await store.remove(endpoint)
        assert await store.all() == []
        assert await tags.get(endpoint.arn) == {}

    run(test)


def test_endpoints_are_listed_by_the_status_that_they_tell(run: Run) -> None:
    async def test(stores: HostingStores, _: TagStore) -> None:
        names = ("serving", "creating", "unwanted", "serving-too")
        for name in names:
            await stores.endpoints.create(an_endpoint(name), {})
        for name in ("serving", "unwanted", "serving-too"):
            await stores.endpoints.save_progress(in_service(an_endpoint(name)))
        await stores.endpoints.request_delete(an_endpoint("unwanted").key, LATER)
        page = await stores.endpoints.page(query(limit=3, sort_by="Status"))
        assert [endpoint.key.name for endpoint in page.resources] == ["creating", "unwanted", "serving"]
        rest = await stores.endpoints.page(query(limit=3, sort_by="Status", after=page.last))
        assert [endpoint.key.name for endpoint in rest.resources] == ["serving-too"]
        found = await stores.endpoints.page(query(status="InService", limit=1, descending=True))
        assert [endpoint.key.name for endpoint in found.resources] == ["serving-too"]
        assert found.last is not None
        late = await stores.endpoints.page(query(times={"last_modified_time >": START}))
        assert [endpoint.key.name for endpoint in late.resources] == ["unwanted"]

    run(test)


def test_transform_jobs_are_unfinished_until_their_final_status(run: Run) -> None:
    job, other = a_transform_job("Mixed-Case"), a_transform_job("Other", created=LATER)

    async def test(stores: HostingStores, tags: TagStore) -> None:
        store = stores.transform_jobs
        assert await store.create(job, {"team": "a"})
        assert not await store.create(a_transform_job("mixed-case"), {})
        await store.create(other, {})
        assert await store.unfinished() == [job, other]
        await store.request_stop(job.key, LATER)
        await store.request_stop(job.key, LATEST)
        stopping = await store.page(query(status="Stopping"))
        assert [each.stop_requested_at for each in stopping.resources] == [LATER]
        over = other.advance(status=TransformJobStatus.COMPLETED, end_time=LATEST, last_modified_time=LATEST)
        await store.save_progress(over)
        await store.save_progress(replace(job.advance(status=TransformJobStatus.FAILED), creation_time=LATER))
        assert [each.key.name for each in await store.unfinished()] == ["Mixed-Case"]
        assert await store.get(other.key) == over
        by_status = await store.page(query(sort_by="Status"))
        assert [each.status for each in by_status.resources] == ["Completed", "Stopping"]
        late = await store.page(query(times={"last_modified_time >": LATER}))
        assert [each.key.name for each in late.resources] == ["Other"]

    run(test)


def test_a_reset_takes_the_scope_alone(run: Run) -> None:
    here, elsewhere = an_endpoint("here"), an_endpoint("elsewhere")
    elsewhere = replace(elsewhere, key=elsewhere.key._replace(region="us-east-2"))

    async def test(stores: HostingStores, tags: TagStore) -> None:
        await stores.models.create(a_model(), {})
        await stores.transform_jobs.create(a_transform_job(), {})
        for endpoint in (here, elsewhere):
            await stores.endpoints.create(endpoint, {"team": "a"})
        await stores.delete_all(ResetScope(region=REGION))
        assert await stores.endpoints.all() == [elsewhere]
        assert (await tags.get(here.arn), await tags.get(elsewhere.arn)) == ({}, {"team": "a"})
        assert await stores.transform_jobs.unfinished() == []
        assert (await stores.models.page(query())).resources == ()

    run(test)


def test_every_wish_wakes_the_hosting_plane(tmp_path: Path) -> None:
    endpoint, job = an_endpoint(), a_transform_job()

    async def main() -> None:
        database = Database(tmp_path / "state.db", "emulator.store.migrations")
        stores = HostingStores.of(database)
        of_endpoints, of_transform_jobs = stores.endpoint_changes, stores.transform_changes
        wishes = [
            (of_endpoints, stores.endpoints.create(endpoint, {})),
            (of_endpoints, stores.endpoints.request_update(endpoint.key, a_deployment(2), LATER)),
            (of_endpoints, stores.endpoints.request_desired(endpoint.key, {}, LATER, None)),
            (of_endpoints, stores.endpoints.request_delete(endpoint.key, LATER)),
            (of_transform_jobs, stores.transform_jobs.create(job, {})),
            (of_transform_jobs, stores.transform_jobs.request_stop(job.key, LATER)),
        ]
        for changes, wish in wishes:
            await wish
            with anyio.fail_after(30):
                await changes.wait(60)
        database.close()

    anyio.run(main)
