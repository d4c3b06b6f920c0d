from emulator.domain.channel import FastFileView
from emulator.domain.cluster import LayeredView, Mount
from emulator.domain.training_job import TrainingJobRequest
from emulator.training.input_layers import channel_layer, host_mounts, host_views
from tests.support.builders import a_channel, a_request, instance_groups, instances, read_request

SHARDED = {"S3DataDistributionType": "ShardedByS3Key"}


def host_layers(request: TrainingJobRequest, host: str) -> tuple[str, ...]:
    views = host_views(request, host, None)
    assert [view.target for view in views] == ["/opt/ml/input"] * len(views)
    return tuple(layer for view in views for layer in view.layers)


def with_mode(channel: dict[str, object], mode: str) -> dict[str, object]:
    return {**channel, "InputMode": mode}


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


def test_fast_file_channels_are_mounted_read_only_each_from_a_layer_of_its_own() -> None:
    channels = [
        a_channel("train"),
        *(with_mode(a_channel(n, **k), "FastFile") for n, k in (("a", {}), ("b", SHARDED))),
    ]
    request = read_request(a_request(ResourceConfig=instances(2), InputDataConfig=channels))

    assert host_views(request, "algo-2", FastFileView.LAZY) == (LayeredView("/opt/ml/input", ("shared",)),)
    assert host_mounts(request, "algo-2", FastFileView.LAZY) == (
        Mount("fast-file-1-shared/data/a", "/opt/ml/input/data/a", True),
        Mount("fast-file-2-algo-2/data/b", "/opt/ml/input/data/b", True),
    )


def test_fast_file_channels_are_staged_like_files_where_nothing_can_be_mounted() -> None:
    request = read_request(a_request(InputDataConfig=[with_mode(a_channel("a"), "FastFile")]))

    assert host_views(request, "algo-1", FastFileView.COPY) == (
        LayeredView("/opt/ml/input", ("fast-file-0-shared",)),
    )
    assert host_mounts(request, "algo-1", FastFileView.COPY) == ()


def test_host_with_pipes_sees_their_directory_and_every_other_channel_by_itself() -> None:
    channels = [a_channel("train"), with_mode(a_channel("stream"), "Pipe"), a_channel("test", **SHARDED)]
    request = read_request(a_request(ResourceConfig=instances(2), InputDataConfig=channels))

    assert host_mounts(request, "algo-1", None) == (Mount("pipes-algo-1", "/opt/ml/input/data", True),)
    assert host_views(request, "algo-1", None) == (
        LayeredView("/opt/ml/input/data/test", ("host-algo-1/data/test",)),
        LayeredView("/opt/ml/input/data/train", ("shared/data/train",)),
    )
