import gzip
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from errno import EIO, ENOSPC
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from emulator.domain.channel import Channel
from emulator.domain.failure_reason import JobFailure
from emulator.domain.s3_fault import S3Fault
from emulator.domain.s3_object import S3Object
from emulator.objects.object_store import ObjectStore
from emulator.training import pipe_content
from emulator.training.channel_units import Unit
from emulator.training.pipe_content import PipeContent
from tests.support.builders import a_channel
from tests.unit.training.test_record_io import records


class Readable:
    """The `reader` of an ObjectStore; knows which readers are open."""

    def __init__(self, contents: Mapping[str, bytes]) -> None:
        self._contents = contents
        self.faults: dict[str, Exception] = {}
        self.open: list[str] = []

    @contextmanager
    def reader(self, source: S3Object, offset: int = 0, length: int | None = None) -> Iterator[BinaryIO]:
        self.open.append(source.key)
        try:
            if source.key in self.faults:
                raise self.faults[source.key]
            yield io.BytesIO(self._contents[source.key])
        finally:
            self.open.remove(source.key)

    @property
    def units(self) -> list[Unit]:
        return [(S3Object("b", key, len(content), "e"),) for key, content in self._contents.items()]


def content_of(objects: Readable, tmp_path: Path, **members: object) -> PipeContent:
    channel = Channel.model_validate({**a_channel("train"), **members})
    return PipeContent(channel, cast(ObjectStore, objects), tmp_path)


FILES = {"a": b"first\n", "größe/数据": "ü".encode(), "zero": b"", "big": bytes(range(256)) * 3000}
GZIP = {"CompressionType": "Gzip"}
RECORD_IO = {"RecordWrapperType": "RecordIO"}


def test_plain_objects_follow_one_another_without_separators(tmp_path: Path) -> None:
    objects = Readable(FILES)

    chunks = list(content_of(objects, tmp_path).chunks(objects.units))

    assert b"".join(chunks) == b"".join(FILES.values())
    assert max(map(len, chunks)) <= pipe_content.CHUNK
    assert objects.open == []


def test_wrapped_objects_are_a_record_each(tmp_path: Path) -> None:
    objects = Readable(FILES)

    assert records(b"".join(content_of(objects, tmp_path, **RECORD_IO).chunks(objects.units))) == [
        *FILES.values()
    ]


@pytest.mark.parametrize("wrapper", [{}, RECORD_IO])
def test_compressed_objects_are_decompressed_and_then_wrapped(
    tmp_path: Path, wrapper: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipe_content, "SPOOLED_IN_MEMORY", 1000)
    halves = {key: gzip.compress(data[:3]) + gzip.compress(data[3:]) for key, data in FILES.items()}
    objects = Readable({**halves, "nothing": b""})

    data = b"".join(content_of(objects, tmp_path, **GZIP, **wrapper).chunks(objects.units))

    expected = [*FILES.values(), b""]
    assert (records(data) if wrapper else data) == (expected if wrapper else b"".join(expected))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("members", [{}, GZIP])
def test_lines_of_a_manifest_are_their_records_in_order(tmp_path: Path, members: dict[str, str]) -> None:
    image = gzip.compress(b"image") if members else b"image"
    objects = Readable({"i": image})
    unit = (objects.units[0][0], b"1", gzip.compress(b"text, not content", mtime=0))

    plain = b"".join(content_of(objects, tmp_path, **members).chunks([unit, unit]))
    wrapped = b"".join(content_of(objects, tmp_path, **members, **RECORD_IO).chunks([unit, unit]))

    assert records(wrapped) == [b"image", *unit[1:]] * 2
    assert plain == b"".join(records(wrapped))


def test_faults_fail_the_job_and_name_channel_and_object(tmp_path: Path) -> None:
    objects = Readable(FILES)
    objects.faults = {"zero": S3Fault("NoSuchKey", "The specified key does not exist.")}
    with pytest.raises(JobFailure) as gone:
        list(content_of(objects, tmp_path).chunks(objects.units))
    with pytest.raises(JobFailure) as damaged:
        list(content_of(objects, tmp_path, **GZIP, **RECORD_IO).chunks(objects.units))

    assert gone.value.reason == (
        "ClientError: Data download failed:channel train: the object s3://b/zero: "
        "NoSuchKey: The specified key does not exist."
    )
    assert damaged.value.reason.startswith(
        "ClientError: Data download failed:channel train: the object s3://b/a is not in gzip format or damaged"
    )
    assert objects.open == []


def test_a_full_disk_fails_the_job_as_it_does_in_file_mode(tmp_path: Path) -> None:
    objects = Readable({"a": b"1"})
    objects.faults = {"a": OSError(ENOSPC, "full")}
    with pytest.raises(JobFailure, match="Data download failed:Insufficient disk space"):
        list(content_of(objects, tmp_path).chunks(objects.units))
    objects.faults = {"a": OSError(EIO, "broken")}
    with pytest.raises(OSError, match="broken"):
        list(content_of(objects, tmp_path).chunks(objects.units))


def test_closing_the_chunks_closes_the_reader(tmp_path: Path) -> None:
    objects = Readable({"big": bytes(10**6)})
    chunks = content_of(objects, tmp_path).chunks(objects.units)
    next(chunks)
    assert objects.open == ["big"]
    chunks.close()
    assert objects.open == []


def test_epochs_give_each_host_its_share_and_shuffle_when_asked(tmp_path: Path) -> None:
    objects = Readable({f"{n:02}": b"%02d " % n for n in range(20)})
    hosts = ("algo-1", "algo-2")
    source = {"S3DataDistributionType": "ShardedByS3Key"}

    def read(epoch: int, **members: object) -> list[list[bytes]]:
        content = content_of(objects, tmp_path, **{**a_channel("train", **source), **members})
        return [b"".join(content.epochs(objects.units, hosts, host)(epoch)).split() for host in hosts]

    everything = [b"%02d" % n for n in range(20)]
    assert read(0) == read(1) == [everything[::2], everything[1::2]]
    first, second = (read(epoch, ShuffleConfig={"Seed": 3}) for epoch in (0, 1))
    assert first == read(0, ShuffleConfig={"Seed": 3})
    assert first != second
    assert sorted(first[0] + first[1]) == sorted(second[0] + second[1]) == everything
    assert set(first[0]) != set(second[0])
