"""model_artifacts, continued: chunks read as a file, and the text of /opt/ml/output/failure."""

import random
import tarfile
from collections.abc import Iterable, Iterator

import pytest

from emulator.training.model_artifacts import ChunkReader, read_text_member

LIMIT = 1_024


def member(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, linkname: str = "") -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, linkname, len(content)
    return info.tobuf() + content + bytes(-len(content) % 512)


def stream(*members: bytes, chunk: int = 700) -> Iterator[bytes]:
    data = b"".join(members) + bytes(1_024)
    return (data[n : n + chunk] for n in range(0, len(data), chunk))


@pytest.mark.parametrize("chunks", [[], [b""], [b"", b""]])
def test_chunk_reader_of_nothing(chunks: list[bytes]) -> None:
    reader = ChunkReader(iter(chunks))

    assert reader.read(10) == b""
    assert reader.read(10) == b""


@pytest.mark.parametrize(
    "chunks",
    [
        [b"abcdef"],
        [b"a", b"b", b"c", b"d", b"e", b"f"],
        [b"", b"ab", b"", b"", b"cdef", b""],
        [b"abcde", b"f"],
    ],
)
def test_chunk_reader_gives_what_is_asked_for_over_chunk_borders(chunks: list[bytes]) -> None:
    reader = ChunkReader(iter(chunks))

    assert [reader.read(n) for n in (0, 1, 4, 10, 1)] == [b"", b"a", b"bcde", b"f", b""]


def test_chunk_reader_reads_the_rest_like_any_file() -> None:
    reader = ChunkReader(iter([b"abc", b"", b"def"]))
    reader.read(2)

    assert reader.read(-1) == b"cdef"


@pytest.mark.parametrize("seed", range(5))
def test_chunk_reader_loses_nothing_whatever_the_chunks(seed: int) -> None:
    random_source = random.Random(seed)
    data = random_source.randbytes(20_000)
    borders = sorted(random_source.choices(range(len(data)), k=50))
    chunks = [data[a:b] for a, b in zip([0, *borders], [*borders, len(data)], strict=True)]
    reader = ChunkReader(iter(chunks))
    read = []

    while piece := reader.read(random_source.randint(1, 3_000)):
        read.append(piece)

    assert b"".join(read) == data


def test_chunk_reader_is_readable() -> None:
    assert ChunkReader(iter([])).readable()


@pytest.mark.parametrize("chunk", [1, 511, 512, 513, 10_000])
def test_read_text_member_in_any_chunks(chunk: int) -> None:
    assert read_text_member(stream(member("failure", b"boom\n"), chunk=chunk), LIMIT) == "boom\n"


@pytest.mark.parametrize(
    "text", ["x" * 1_023, "x" * 1_024, "x" * 1_025, "é" * 3_000, "模" * 3_000, "🙂" * 3_000]
)
def test_read_text_member_is_cut_at_1024_characters(text: str) -> None:
    assert read_text_member(stream(member("failure", text.encode())), LIMIT) == text[:LIMIT]


def test_read_text_member_replaces_what_is_no_utf8() -> None:
    assert read_text_member(stream(member("failure", b"a\xffb")), LIMIT) == "a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.parametrize(
    "members",
    [
        [member("failure", kind=tarfile.SYMTYPE, linkname="/etc/passwd")],
        [member("failure", kind=tarfile.FIFOTYPE)],
        [member("failure", kind=tarfile.DIRTYPE), member("failure/inner", b"not the failure")],
        [member("failure", b"")],
    ],
)
def test_read_text_member_of_anything_else_is_empty(members: Iterable[bytes]) -> None:
    assert read_text_member(stream(*members), LIMIT) == ""


def test_read_text_member_of_a_huge_file_reads_only_its_beginning() -> None:
    def endless() -> Iterator[bytes]:
        info = tarfile.TarInfo("failure")
        info.size = 2**40
        yield info.tobuf(tarfile.GNU_FORMAT)
        for _ in range(100):
            yield b"x" * 1_024
        pytest.fail("read on after the text was known")

    assert read_text_member(endless(), LIMIT) == "x" * LIMIT


def test_read_text_member_of_a_tar_without_members_is_empty() -> None:
    assert read_text_member(iter([bytes(1_024)]), LIMIT) == ""
