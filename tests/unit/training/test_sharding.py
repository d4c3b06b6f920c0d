import pytest

from emulator.training.sharding import assign_shards

HOSTS = ("algo-1", "algo-2", "algo-3")


def test_assign_shards_deals_out_five_keys_to_three_hosts() -> None:
    assert assign_shards(["a", "b", "c", "d", "e"], HOSTS) == {
        "algo-1": ["a", "d"],
        "algo-2": ["b", "e"],
        "algo-3": ["c"],
    }


def test_assign_shards_of_two_objects_and_two_hosts_is_that_of_a_real_job() -> None:
    assert assign_shards(["test", "test2"], HOSTS[:2]) == {"algo-1": ["test"], "algo-2": ["test2"]}


def test_assign_shards_leaves_hosts_without_objects_where_there_are_too_few() -> None:
    assert assign_shards(["a"], HOSTS) == {"algo-1": ["a"], "algo-2": [], "algo-3": []}
    assert assign_shards([], HOSTS) == {"algo-1": [], "algo-2": [], "algo-3": []}


@pytest.mark.parametrize("objects", [0, 1, 2, 7, 100])
@pytest.mark.parametrize("hosts", [1, 2, 3, 11])
def test_assign_shards_is_a_partition_into_nearly_equal_shares(objects: int, hosts: int) -> None:
    keys = list(range(objects))

    shards = assign_shards(keys, [f"algo-{n}" for n in range(hosts)])

    assert len(shards) == hosts
    assert sorted(key for shard in shards.values() for key in shard) == keys
    assert max(map(len, shards.values())) - min(map(len, shards.values())) <= 1
    assert all(shard == sorted(shard) for shard in shards.values())
