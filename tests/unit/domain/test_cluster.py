import json

from emulator.domain.cluster import ClusterSpec, InstanceSpec, Limits


def test_cluster_is_json_able() -> None:
    limits = Limits(memory_bytes=2, cpus=1, shm_bytes=1)
    instance = InstanceSpec(
        host="algo-1",
        image="i",
        entrypoint=None,
        arguments=("train",),
        environment={"A": "b"},
        directories=("/opt/ml",),
        files={"/f": "text"},
        views=(),
        limits=limits,
    )
    cluster = ClusterSpec(name="c", isolated=True, instances=(instance,))

    data = json.loads(json.dumps(cluster.to_json()))

    assert (data["name"], data["isolated"]) == ("c", True)
    assert data["instances"][0]["limits"] == {"memory_bytes": 2, "cpus": 1, "shm_bytes": 1, "gpu_ids": []}
    assert data["instances"][0]["entrypoint"] is None
    assert cluster.hosts == ("algo-1",)
