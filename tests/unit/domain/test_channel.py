import pytest
from pydantic import ValidationError

from emulator.domain.channel import Channel, Distribution, InputMode
from emulator.domain.s3_uri import S3Uri
from tests.support.builders import a_channel


def test_channel_defaults_are_those_of_the_api() -> None:
    channel = Channel.model_validate(a_channel())

    assert channel.compression_type == "None"
    assert channel.record_wrapper_type == "None"
    assert channel.content_type is None
    assert channel.input_mode is None
    assert channel.source.s3_data_distribution_type is Distribution.FULLY_REPLICATED
    assert not channel.is_sharded


def test_channel_is_sharded_by_s3_key() -> None:
    document = a_channel(S3DataDistributionType="ShardedByS3Key", InstanceGroupNames=["a", "b"])

    channel = Channel.model_validate(document)

    assert channel.is_sharded
    assert channel.source.instance_group_names == ("a", "b")
    assert channel.source.uri == S3Uri("bucket", "data")


def test_channel_input_mode_has_the_spelling_of_the_api() -> None:
    assert [str(mode) for mode in InputMode] == ["File", "Pipe", "FastFile"]
    assert Channel.model_validate({**a_channel(), "InputMode": "FastFile"}).input_mode is InputMode.FAST_FILE


def test_channel_leaves_out_members_that_nobody_acts_on() -> None:
    channel = Channel.model_validate({**a_channel(), "KmsKeyId": "k"})

    assert "kms_key_id" not in channel.model_dump()


def test_channel_cannot_be_changed() -> None:
    channel = Channel.model_validate(a_channel())

    with pytest.raises(ValidationError, match="frozen"):
        channel.channel_name = "other"
