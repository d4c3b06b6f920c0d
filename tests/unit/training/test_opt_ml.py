import json

import pytest

from emulator.training.opt_ml import CONFIG, DIRECTORIES, config_files
from tests.support.builders import a_channel, a_request, instance_groups, instances, read_request


def read_config(name: str, host: str = "algo-1", **members: object) -> str:
    """The bytes of one file in /opt/ml/input/config."""
    request = read_request(a_request(**members))
    (found,) = [h for h in request.resource_config.hosts() if h.name == host]
    return config_files(request, found)[f"/opt/ml/input/config/{name}.json"]


def test_config_files_are_those_of_every_real_listing() -> None:
    request = read_request(a_request())

    files = config_files(request, request.resource_config.hosts()[0])

    names = ("hyperparameters", "inputdataconfig", "resourceconfig", "metric-definition-regex", "init-config")
    assert sorted(files) == sorted(f"{CONFIG}/{name}.json" for name in names)
    assert all(json.loads(text) is not None for text in files.values())


def test_directories_are_those_of_every_real_listing() -> None:
    assert set(DIRECTORIES) == {
        "/opt/ml/input/config",
        "/opt/ml/input/data",
        "/opt/ml/model",
        "/opt/ml/output/data",
        "/opt/ml/output/metrics/sagemaker",
        "/opt/ml/output/profiler",
    }


def test_resourceconfig_of_one_host_has_the_shape_of_a_real_one() -> None:
    text = read_config("resourceconfig", ResourceConfig=instances(1, "ml.c5.xlarge"))

    assert text == (
        '{"current_host":"algo-1","current_instance_type":"ml.c5.xlarge",'
        '"current_group_name":"homogeneousCluster","hosts":["algo-1"],'
        '"instance_groups":[{"instance_group_name":"homogeneousCluster","instance_type":"ml.c5.xlarge",'
        '"hosts":["algo-1"]}],"network_interface_name":"eth0","topology":null}'
    )


def test_resourceconfig_of_two_hosts() -> None:
    text = read_config("resourceconfig", host="algo-2", ResourceConfig=instances(2))

    assert text == (
        '{"current_host":"algo-2","current_instance_type":"ml.m5.large",'
        '"current_group_name":"homogeneousCluster","hosts":["algo-1","algo-2"],'
        '"instance_groups":[{"instance_group_name":"homogeneousCluster","instance_type":"ml.m5.large",'
        '"hosts":["algo-1","algo-2"]}],"network_interface_name":"eth0","topology":null}'
    )


def test_resourceconfig_sorts_eleven_hosts_as_text() -> None:
    config = json.loads(read_config("resourceconfig", host="algo-10", ResourceConfig=instances(11)))

    assert config["current_host"] == "algo-10"
    assert config["hosts"] == [f"algo-{n}" for n in (1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9)]
    assert sorted(config["instance_groups"][0]["hosts"]) == config["hosts"]


def test_resourceconfig_of_a_heterogeneous_cluster() -> None:
    groups = instance_groups(("gpu", "ml.g5.xlarge", 1), ("cpu", "ml.m5.large", 2))

    config = json.loads(read_config("resourceconfig", host="algo-2", ResourceConfig=groups))

    assert (config["current_group_name"], config["current_instance_type"]) == ("cpu", "ml.m5.large")
    assert config["hosts"] == ["algo-1", "algo-2", "algo-3"]
    assert config["instance_groups"] == [
        {"instance_group_name": "gpu", "instance_type": "ml.g5.xlarge", "hosts": ["algo-1"]},
        {"instance_group_name": "cpu", "instance_type": "ml.m5.large", "hosts": ["algo-2", "algo-3"]},
    ]


def test_inputdataconfig_without_channels_is_empty() -> None:
    assert read_config("inputdataconfig") == "{}"


def test_inputdataconfig_tells_the_content_type_only_where_the_request_does() -> None:
    channels = [
        {**a_channel("train"), "ContentType": "text/csv"},
        a_channel("data", S3DataDistributionType="ShardedByS3Key"),
    ]

    assert read_config("inputdataconfig", InputDataConfig=channels) == (
        '{"train":{"ContentType":"text/csv","TrainingInputMode":"File","S3DistributionType":"FullyReplicated",'
        '"RecordWrapperType":"None"},"data":{"TrainingInputMode":"File","S3DistributionType":"ShardedByS3Key",'
        '"RecordWrapperType":"None"}}'
    )


@pytest.mark.parametrize(
    ("job_mode", "channel_mode", "told"),
    [
        ("File", None, "File"),
        ("Pipe", None, "Pipe"),
        ("Pipe", "File", "File"),
        ("File", "FastFile", "FastFile"),
    ],
)
def test_inputdataconfig_tells_the_channel_s_own_mode(
    job_mode: str, channel_mode: str | None, told: str
) -> None:
    channel = {**a_channel("c"), **({"InputMode": channel_mode} if channel_mode else {})}
    algorithm = {"TrainingImage": "i", "TrainingInputMode": job_mode}

    text = read_config("inputdataconfig", InputDataConfig=[channel], AlgorithmSpecification=algorithm)

    assert json.loads(text)["c"]["TrainingInputMode"] == told


def test_inputdataconfig_tells_the_records_of_a_pipe() -> None:
    channel = {
        **a_channel("c"),
        "InputMode": "Pipe",
        "RecordWrapperType": "RecordIO",
        "CompressionType": "Gzip",
    }

    assert read_config("inputdataconfig", InputDataConfig=[channel]) == (
        '{"c":{"TrainingInputMode":"Pipe","S3DistributionType":"FullyReplicated","RecordWrapperType":"RecordIO"}}'
    )


def test_inputdataconfig_tells_every_host_that_a_file_system_is_replicated() -> None:
    source = {
        "FileSystemId": "fs-0123456789",
        "FileSystemType": "EFS",
        "FileSystemAccessMode": "ro",
        "DirectoryPath": "/",
    }
    channel = {"ChannelName": "c", "DataSource": {"FileSystemDataSource": source}, "ContentType": "a/b"}
    groups = instance_groups(("a", "ml.m5.large", 1), ("b", "ml.m5.large", 1))

    for host in ("algo-1", "algo-2"):
        assert read_config("inputdataconfig", host, InputDataConfig=[channel], ResourceConfig=groups) == (
            '{"c":{"ContentType":"a/b","TrainingInputMode":"File","S3DistributionType":"FullyReplicated",'
            '"RecordWrapperType":"None"}}'
        )


def test_inputdataconfig_names_only_the_host_s_channels() -> None:
    groups = instance_groups(("a", "ml.m5.large", 1), ("b", "ml.m5.large", 1))
    channels = [a_channel("all"), a_channel("for-b", InstanceGroupNames=["b"])]
    members = {"ResourceConfig": groups, "InputDataConfig": channels}

    assert list(json.loads(read_config("inputdataconfig", "algo-1", **members))) == ["all"]
    assert list(json.loads(read_config("inputdataconfig", "algo-2", **members))) == ["all", "for-b"]


def test_hyperparameters_are_strings_exactly_as_given() -> None:
    given = {"epochs": "10", "arg": '"hello"', "json": '{"a": [1, 2]}', "empty": "", "umlaut": "ä\n"}

    text = read_config("hyperparameters", HyperParameters=given)

    assert json.loads(text) == given
    assert text.startswith('{"epochs":"10","arg":"\\"hello\\""')


def test_hyperparameters_without_any_are_two_bytes() -> None:
    assert read_config("hyperparameters") == "{}"


def test_metric_definition_regex() -> None:
    definition = {"Name": "loss", "Regex": r"loss=(\d+)"}
    algorithm = {"TrainingImage": "i", "TrainingInputMode": "File", "MetricDefinitions": [definition]}

    assert read_config("metric-definition-regex") == "[]"
    assert json.loads(read_config("metric-definition-regex", AlgorithmSpecification=algorithm)) == [
        definition
    ]


def test_init_config_numbers_hosts_from_one() -> None:
    channels = [a_channel("data", "s3://b/input", S3DataDistributionType="ShardedByS3Key")]
    members = {"ResourceConfig": instances(11), "InputDataConfig": channels}

    config = json.loads(read_config("init-config", "algo-10", **members))

    assert config["hostConfig"] == {"clusterSize": 11, "hostNumber": 10}
    assert config["inputMode"] == "FILE"
    assert config["jobRunInfo"] == {"jobRunNumber": 1}
    assert config["channels"]["data"]["sharded"] is True
    assert config["channels"]["data"]["s3DataSource"] == {
        "s3DataType": "S3_PREFIX",
        "s3Uri": "s3://b/input",
        "s3DataDistributionType": "SHARDED_BY_S3_KEY",
        "attributeNames": None,
    }
