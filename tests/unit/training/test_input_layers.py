from emulator.training.input_layers import channel_layer, host_layers
from tests.support.builders import a_channel, a_request, instance_groups, instances, read_request

SHARDED = {"S3DataDistributionType": "ShardedByS3Key"}


def test_host_without_channels_has_no_layer() -> None:
    assert host_layers(read_request(a_request()), "algo-1") == ()


def test_replicated_channels_share_one_layer() -> None:
    channels = [a_channel("train"), a_channel("test")]
    request = read_request(a_request(ResourceConfig=instances(2), InputDataConfig=channels))

    assert host_layers(request, "algo-1") == host_layers(request, "algo-2") == ("shared",)


def test_sharded_channels_lie_in_the_host_s_own_layer() -> None:
    channels = [a_channel("train", **SHARDED), a_channel("test", **SHARDED), a_channel("all")]
    request = read_request(a_request(ResourceConfig=instances(2), InputDataConfig=channels))

    assert host_layers(request, "algo-1") == ("host-algo-1", "shared")
    assert host_layers(request, "algo-2") == ("host-algo-2", "shared")


def test_channel_of_some_groups_is_invisible_to_the_other_hosts() -> None:
    groups = instance_groups(("a", "ml.m5.large", 1), ("b", "ml.m5.large", 2))
    channels = [
        a_channel("all"),
        a_channel("for-a", InstanceGroupNames=["a"]),
        a_channel("for-b", InstanceGroupNames=["b"]),
        a_channel("shards-of-b", InstanceGroupNames=["b"], **SHARDED),
    ]
    request = read_request(a_request(ResourceConfig=groups, InputDataConfig=channels))

    of_a, of_b, also_b = (set(host_layers(request, f"algo-{n}")) for n in (1, 2, 3))

    assert len(of_a) == 2
    assert of_b & also_b == {"shared", channel_layer(request, request.input_data_config[2], "algo-2")}
    assert of_a & of_b == {"shared"}
    assert of_b - also_b == {"host-algo-2"}
