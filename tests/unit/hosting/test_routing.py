from collections import Counter

import anyio
import pytest

from emulator.domain.arn import ResourceKey
from emulator.hosting.routing import EndpointRoute, InstanceRoute, RoutingTable, VariantRoute, wait_drained

KEY = ResourceKey("123456789012", "us-east-1", "endpoint", "e")


def instances(count: int) -> tuple[InstanceRoute, ...]:
    return tuple(InstanceRoute(f"v-{number}", (f"http://{number}",)) for number in range(count))


def table_of(*variants: VariantRoute) -> RoutingTable:
    table = RoutingTable()
    table.set_endpoint(KEY, EndpointRoute(arn=KEY.arn, variants=variants))
    return table


def chosen(table: RoutingTable) -> str:
    variant = table.choose(KEY)
    assert variant is not None
    return variant.name


def test_weights_are_exact_in_any_ten() -> None:
    table = table_of(VariantRoute(name="a", weight=0.9), VariantRoute(name="b", weight=0.1))
    for _ in range(3):
        assert Counter(chosen(table) for _ in range(10)) == {"a": 9, "b": 1}


def test_shares_go_on_when_a_route_is_replaced() -> None:
    table, names = table_of(VariantRoute(name="a"), VariantRoute(name="b")), []
    for _ in range(6):
        names.append(chosen(table))
        table.set_endpoint(
            KEY, EndpointRoute(arn=KEY.arn, variants=(VariantRoute(name="a"), VariantRoute(name="b")))
        )
    assert names == ["a", "b"] * 3


def test_nothing_is_chosen_without_a_weight_or_a_route() -> None:
    assert table_of(VariantRoute(name="a", weight=0)).choose(KEY) is None
    table = table_of(VariantRoute(name="a"))
    table.set_endpoint(KEY, None)
    assert (table.find(KEY), table.choose(KEY)) == (None, None)


def test_the_least_busy_instance_is_chosen_and_equals_take_turns() -> None:
    one, two, three = instances(3)
    variant, hosts = VariantRoute(name="v", instances=(one, two, three)), []
    with one.serving():
        for _ in range(4):
            instance = variant.choose()
            assert instance is not None
            hosts.append(instance.host)
            with instance.serving():
                pass
    assert hosts == ["v-1", "v-2", "v-1", "v-2"]


def test_instances_out_of_service_or_left_out_are_not_chosen() -> None:
    one, two = instances(2)
    variant = VariantRoute(name="v", instances=(one, two))
    one.is_in_service = False
    assert variant.choose() is two
    assert variant.choose([two]) is None


def test_outstanding_is_counted_down_where_a_request_fails() -> None:
    [one] = instances(1)
    with pytest.raises(ZeroDivisionError), one.serving():
        one.outstanding //= one.outstanding - 1
    assert one.outstanding == 0


def test_drained_means_that_the_last_request_ended() -> None:
    async def case() -> None:
        one, two = instances(2)
        ends = anyio.Event()

        async def request(instance: InstanceRoute) -> None:
            with instance.serving():
                await ends.wait()

        async with anyio.create_task_group() as tasks:
            for instance in (one, one, two):
                tasks.start_soon(request, instance)
            await anyio.wait_all_tasks_blocked()
            assert not await wait_drained([one, two], 0.01)
            ends.set()
            assert await wait_drained([one, two], 20)
            assert (one.outstanding, two.outstanding) == (0, 0)

    anyio.run(case)


def test_traffic_outlives_the_route_and_ends_with_the_variant() -> None:
    async def case() -> None:
        table = table_of(VariantRoute(name="a"))
        traffic = table.traffic(KEY, "a")
        with traffic.serving():
            assert not traffic.is_idle(0)
        assert traffic.is_idle(0)
        assert not traffic.is_idle(60)
        table.set_endpoint(KEY, EndpointRoute(arn=KEY.arn, variants=(VariantRoute(name="a"),)))
        assert table.traffic(KEY, "a") is traffic
        table.set_endpoint(KEY, EndpointRoute(arn=KEY.arn, variants=(VariantRoute(name="b"),)))
        assert table.traffic(KEY, "a") is not traffic

    anyio.run(case)


class Watcher:
    def __init__(self, table: RoutingTable) -> None:
        self.table = table
        self.seen: list[str] = []

    def route_changed(self, key: ResourceKey) -> None:
        self.seen.append("a route" if self.table.find(key) else "no route")

    async def endpoint_deleted(self, key: ResourceKey) -> None:
        assert self.table.find(key) is None
        self.seen.append("deleted")


def test_watchers_are_told_what_has_happened() -> None:
    table = RoutingTable()
    table.watch(watcher := Watcher(table))
    table.set_endpoint(KEY, EndpointRoute(arn=KEY.arn, variants=()))
    table.set_endpoint(KEY, None)
    anyio.run(table.delete_endpoint, KEY)
    assert watcher.seen == ["a route", "no route", "no route", "deleted"]


def test_an_instance_that_is_avoided_is_chosen_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.hosting.routing.AVOIDANCE", 300.0)
    one, two = instances(2)
    variant = VariantRoute(name="v", instances=(one, two))
    one.avoid()
    with two.serving():
        assert variant.choose() is two
    assert variant.choose([two]) is one
