"""Where the output of an endpoint's containers is found (DG logging-cloudwatch)."""

from pathlib import Path
from typing import Any

import pytest

from emulator.compute.fake import FakeBackend
from emulator.domain.cluster import Address
from emulator.domain.endpoint import Deployment
from emulator.hosting.endpoint_logs import log_group
from emulator.logs.log_event import LogGroupKey
from emulator.logs.log_queries import StreamsQuery
from tests.support.hosting_house import KEY, NOW, SERVES, House, S, deployment, play

pytest_plugins = ["tests.support.hosting_fixtures"]


async def streams(house: House) -> list[str]:
    """Without the instance's id."""
    group = LogGroupKey(KEY.account_id, KEY.region, log_group(KEY.name))
    found = await house.parts.logs.describe_streams(group, StreamsQuery("", False, False, None, 10)) or []
    parts = [stream.key.name.split("/") for stream in found]
    assert all(instance.startswith("i-") for _, instance, *_ in parts)
    return ["/".join([variant, *container]) for variant, _, *container in parts]


def pipeline(*containers: dict[str, Any]) -> Deployment:
    models = {"m": {"ModelName": "m", "Containers": list(containers)}}
    return deployment(1).model_copy(update={"models": models})


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (deployment(1), ["Main"]),
        (pipeline({"Image": "a:1"}, {"Image": "b:1"}), ["Main/container-1", "Main/container-2"]),
        (
            pipeline(
                {"Image": "a:1", "ContainerHostname": "first"},
                {"Image": "b:1", "ContainerHostname": "second"},
            ),
            ["Main/first", "Main/second"],
        ),
    ],
    ids=["one container", "a pipeline", "a pipeline with names"],
)
def test_each_container_has_a_stream(
    tmp_path: Path, backend: FakeBackend, healthy: Address, wanted: Deployment, names: list[str]
) -> None:
    hosts = ("Main-1", "Main-1-c1", "Main-1-c2")
    backend.scripts, backend.addresses = dict.fromkeys(hosts, SERVES), dict.fromkeys(hosts, healthy)

    async def story(house: House) -> None:
        await house.create(wanted)
        await house.status(S.IN_SERVICE)
        assert await streams(house) == names

    play(tmp_path, backend, story)


def test_the_instances_of_an_update_have_streams_of_their_own(tmp_path: Path, backend: FakeBackend) -> None:
    async def story(house: House) -> None:
        await house.create(deployment(1))
        await house.status(S.IN_SERVICE)
        await house.parts.endpoints.request_update(KEY, deployment(2), NOW)
        await house.updated()
        assert await streams(house) == ["Main", "Main"]

    play(tmp_path, backend, story)
