import pytest

from emulator.training.shuffle import Share, epoch_units, shuffled

UNITS = [f"key-{number:03}" for number in range(100)]
HOSTS = ("algo-1", "algo-2", "algo-3")


def test_shuffled_is_a_permutation_that_seed_and_epoch_tell() -> None:
    orders = {(seed, epoch): shuffled(UNITS, seed, epoch) for seed in (-1, 0, 1, 2**63) for epoch in range(5)}

    assert all(sorted(order) == UNITS for order in orders.values())
    assert len({tuple(order) for order in orders.values()}) == len(orders)
    assert shuffled(UNITS, 1, 4) == orders[1, 4]
    assert shuffled([], 1, 0) == []


def test_shuffled_is_the_same_on_every_machine() -> None:
    assert shuffled(list(range(8)), 42, 0) == [1, 2, 5, 7, 6, 0, 3, 4]


def test_without_a_seed_every_epoch_is_in_order() -> None:
    share = Share("algo-2", HOSTS, is_sharded=True)

    assert [list(epoch_units(UNITS, share, epoch)) for epoch in range(3)] == [UNITS[1::3]] * 3
    assert list(epoch_units(UNITS, Share("algo-2", HOSTS), 7)) == UNITS


def test_a_replicated_channel_is_whole_in_every_epoch() -> None:
    for epoch in range(3):
        shares = [epoch_units(UNITS, Share(host, HOSTS, seed=9), epoch) for host in HOSTS]
        assert all(list(share) == shuffled(UNITS, 9, epoch) for share in shares)


@pytest.mark.parametrize(("count", "different"), [(0, 1), (1, 1), (2, 2), (100, 4)])
def test_the_shards_of_an_epoch_are_a_partition_that_changes(count: int, different: int) -> None:
    units = UNITS[:count]
    assignments = []
    for epoch in range(4):
        shards = [epoch_units(units, Share(host, HOSTS, is_sharded=True, seed=9), epoch) for host in HOSTS]
        assert sorted(unit for shard in shards for unit in shard) == units
        assert max(map(len, shards)) - min(map(len, shards)) <= 1
        assignments.append(tuple(tuple(sorted(shard)) for shard in shards))
    assert len(set(assignments)) == different
