import gzip
import io
import os
import random
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from emulator.hosting.model_archive import ArchiveLimits, ModelArchiveFault, extract_model

URL = "s3://b/größe/model.tar.gz"
LIMITS = ArchiveLimits(total_bytes=10**7, members=100)
NOISE = random.Random(7).randbytes(300_000)


def member(name: str, content: bytes = b"", **attributes: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for attribute, value in attributes.items():
        setattr(info, attribute, value)
    return info, content


def directory(name: str, **attributes: object) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, type=tarfile.DIRTYPE, **attributes)


def symlink(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, type=tarfile.SYMTYPE, linkname=target)


def hard_link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, type=tarfile.LNKTYPE, linkname=target)


def tar(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w", format=form) as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return output.getvalue()


def packed(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    return gzip.compress(tar(*members, form=form))


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    return tmp_path / "models" / "m1"


def extract(data: bytes, target: Path, limits: ArchiveLimits = LIMITS) -> None:
    extract_model(io.BytesIO(data), URL, target, limits)


def refused(data: bytes, target: Path, limits: ArchiveLimits = LIMITS) -> str:
    """The fault's text; nothing at all may be left, inside or outside."""
    with pytest.raises(ModelArchiveFault) as fault:
        extract(data, target, limits)
    assert not list(target.parent.iterdir())
    assert not list((target.parent.parent / "outside").iterdir())
    return str(fault.value)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_files_directories_and_links_arrive(target: Path, form: int) -> None:
    data = packed(
        directory("./", mode=0o700),
        member("./code/größe/inference.py", b"import json\n", mode=0o4755, uid=12345),
        member("model.bin", NOISE, mode=0o600),
        member("empty", b"", mode=0o7444),
        directory("only/", mode=0o7777),
        symlink("only/current", "../model.bin"),
        symlink("here", "."),
        hard_link("again.bin", "./model.bin"),
        form=form,
    )
    extract(data, target)

    assert (target / "code/größe/inference.py").read_bytes() == b"import json\n"
    assert mode(target / "code/größe/inference.py") == 0o755
    assert (target / "only/current").read_bytes() == NOISE
    assert os.readlink(target / "only/current") == "../model.bin"
    assert (target / "again.bin").samefile(target / "model.bin")
    assert (mode(target / "model.bin"), mode(target / "empty")) == (0o644, 0o644)
    assert {mode(target), mode(target / "only"), mode(target / "code")} == {0o755}
    assert [path.name for path in target.parent.iterdir()] == ["m1"]


def test_modes_do_not_depend_on_the_umask(target: Path) -> None:
    before = os.umask(0o077)
    try:
        extract(packed(member("d/f", b"x", mode=0o700)), target)
    finally:
        os.umask(before)

    assert (mode(target), mode(target / "d"), mode(target / "d/f")) == (0o755, 0o755, 0o755)


def test_long_names_and_an_empty_archive(target: Path) -> None:
    name = "/".join("n" * 100 for _ in range(10)) + "/file"
    extract(packed(member(name, b"1")), target)
    extract(packed(), target.with_name("m2"))

    assert (target / name).read_bytes() == b"1"
    assert list(target.with_name("m2").iterdir()) == []


def test_the_last_one_of_a_name_counts(target: Path) -> None:
    extract(
        packed(
            member("a", b"first"),
            hard_link("b", "a"),
            member("a", b"second"),
            symlink("c", "a"),
            member("c", b"file"),
            hard_link("a", "a"),
        ),
        target,
    )

    assert (target / "a").read_bytes() == b"second"
    assert (target / "b").read_bytes() == b"first"
    assert not (target / "c").is_symlink()
    assert (target / "c").read_bytes() == b"file"


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ([member("/etc/passwd", b"x")], "'/etc/passwd' has an absolute name"),
        ([member("../outside/x", b"x")], "'../outside/x' has '..' in its name"),
        ([member("a/../../outside/x", b"x")], "has '..' in its name"),
        ([directory("..")], "'..' has '..' in its name"),
        ([symlink("l", "/etc/passwd")], "'l' is a link to '/etc/passwd', which may be outside"),
        ([symlink("l", "../outside")], "'l' is a link to '../outside', which may be outside"),
        ([symlink("d/l", "../../outside")], "'d/l' is a link to"),
        ([symlink("d", "."), symlink("l", "d/../outside")], "'l' is a link to"),
        ([symlink("l", "")], "'l' is a link to nothing"),
        ([symlink("d", "e"), member("d/x", b"x")], "'d/x' needs 'd' as a directory"),
        ([directory("e"), symlink("d", "e"), member("d/x", b"x")], "'d/x' needs 'd' as a directory"),
        ([directory("e"), symlink("d", "e"), directory("d")], "'d' needs 'd' as a directory"),
        ([directory("e"), symlink("d", "e"), symlink("d/l", "..")], "'d/l' needs 'd' as a directory"),
        ([member("f", b"x"), member("f/x", b"x")], "'f/x' needs 'f' as a directory"),
        ([directory("d"), member("d", b"x")], "'d' has the name of a directory"),
        ([directory("d"), symlink("d", "e")], "'d' has the name of a directory"),
        ([member(".", b"x")], "'.' has the name of the directory itself"),
        ([hard_link("h", "/etc/passwd")], "'h' has an absolute name"),
        ([hard_link("h", "../outside/x")], "'h' has '..' in its name"),
        (
            [hard_link("h", "nothing")],
            "'h' is a hard link to 'nothing', which is no file that came before it",
        ),
        ([directory("d"), hard_link("h", "d")], "'h' is a hard link to 'd'"),
        ([symlink("s", "x"), hard_link("h", "s")], "'h' is a hard link to 's'"),
        ([directory("e"), member("e/f"), symlink("d", "e"), hard_link("h", "d/f")], "hard link to 'd/f'"),
        ([member("pipe", type=tarfile.FIFOTYPE)], "'pipe' is a device, a FIFO or of an unknown kind"),
        ([member("null", type=tarfile.CHRTYPE, devmajor=1, devminor=3)], "'null' is a device"),
        ([member("disk", type=tarfile.BLKTYPE, devmajor=8)], "'disk' is a device"),
        ([member("n" * 300, b"x")], "has a name that no file can have"),
        ([member("d/" * 300 + "x", b"x")], "has a name that no file can have"),
        ([member("p", b"", pax_headers={"path": "a\0b"})], "has a name that no file can have"),
    ],
)
def test_what_may_leave_the_directory_is_refused(
    target: Path, members: list[tuple[tarfile.TarInfo, bytes]], text: str
) -> None:
    said = refused(packed(member("before", b"x"), *members), target)

    assert said.startswith(
        f'Failed to extract model data archive from URL "{URL}". '
        "Please ensure that the object located at the URL is a valid tar.gz archive. ("
    )
    assert text in said


def test_links_made_in_any_order_lead_inside(target: Path) -> None:
    extract(
        packed(symlink("a/b/up", "../../c/x"), directory("d"), symlink("c", "d"), member("d/x", b"1")), target
    )

    resolved = (target / "a/b/up").resolve()
    assert resolved == (target / "d/x").resolve()
    assert resolved.read_bytes() == b"1"


def test_real_bytes_and_members_are_limited(target: Path) -> None:
    bomb = packed(*(member(f"zeros{n}", bytes(4 * 10**6)) for n in range(3)))
    many = packed(*(member(f"f{n}") for n in range(101)))

    said = refused(bomb, target)
    assert "The model data archive is too large. Please reduce" in said
    assert said.endswith("(More than 10 MiB unpacked.)")
    assert "More than 100 members." in refused(many, target)
    extract(many, target, LIMITS._replace(members=101))
    assert len(list(target.iterdir())) == 101


def test_a_header_that_is_a_bomb_is_refused_before_it_is_held(target: Path) -> None:
    long_name = tar(member("n" * 50_000_000), form=tarfile.GNU_FORMAT)
    long_comment = tar(member("f", pax_headers={"comment": "c" * 50_000_000}))

    assert "Its headers are too long." in refused(gzip.compress(long_name), target)
    assert "Its headers are too long." in refused(gzip.compress(long_comment), target)


def test_many_headers_for_one_member_are_refused(target: Path) -> None:
    one = tar(member("f"), form=tarfile.PAX_FORMAT)[:512]
    header = tar(member("f", pax_headers={"comment": "größe"}))[:1024]
    assert one[:1] == b"f"

    assert "Its headers are too long." in refused(gzip.compress(header * 5000 + one + bytes(1024)), target)


def test_a_sparse_file_counts_with_its_holes(target: Path, tmp_path: Path) -> None:
    header = bytearray(tar(member("s", b"data" + bytes(508)), form=tarfile.GNU_FORMAT))
    header[156:157] = tarfile.GNUTYPE_SPARSE
    header[386:410] = b"00000000000\0" + b"00000001000\0"
    header[483:495] = b"77777777777\0"
    header[148:156] = b"        "
    header[148:156] = b"%06o\0 " % sum(header[:512])

    assert "The model data archive is too large" in refused(gzip.compress(bytes(header)), target)


@pytest.mark.parametrize(
    "headers",
    [
        {"GNU.sparse.map": "a,b"},
        {"GNU.sparse.size": "zz"},
        {"GNU.sparse.size": "9" * 5000},
        {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"},
    ],
)
def test_a_damaged_header_of_a_sparse_file_is_the_archive_s_fault(
    target: Path, headers: dict[str, str]
) -> None:
    first = packed(member("first", b"x"))
    damaged = gzip.decompress(packed(member("s", b"abc", pax_headers=headers)))
    said = refused(gzip.compress(gzip.decompress(first)[:1024] + damaged), target)
    assert said.startswith(f'Failed to extract model data archive from URL "{URL}".')


DAMAGES: list[Callable[[bytes], bytes]] = [
    lambda good: b"",
    lambda good: b"no gzip at all",
    lambda good: good[: len(good) // 2],
    lambda good: good[:-1],
    lambda good: good[:-8] + bytes(8),
    lambda good: good[:100] + bytes(50) + good[150:],
    lambda good: good + b"rubbish",
    gzip.decompress,
    lambda good: gzip.compress(gzip.decompress(good) + bytes(200_000))[:-8] + bytes(8),
    lambda good: gzip.compress(b""),
    lambda good: gzip.compress(b"no tar at all" * 100),
    lambda good: gzip.compress(gzip.decompress(good)[:1000]),
    lambda good: gzip.compress(gzip.decompress(good)[: 512 + 300_032 + 100]),
    lambda good: gzip.compress(gzip.decompress(good).replace(b"second", b"sEcond")),
    lambda good: gzip.compress(gzip.compress(b"twice")),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_archive_is_refused_and_leaves_nothing(
    target: Path, damage: Callable[[bytes], bytes]
) -> None:
    good = packed(member("first", NOISE), member("second", b"x"))

    assert "Please ensure that the object located at the URL is a valid tar.gz archive. (It is" in refused(
        damage(good), target
    )


def test_what_a_killed_process_left_is_cleared_away(target: Path) -> None:
    left = target.parent / ".m1.partial"
    (left / "old").mkdir(parents=True)
    extract(packed(member("new", b"x")), target)

    assert [path.name for path in target.iterdir()] == ["new"]
    assert not left.exists()


def test_it_stops_between_chunks_where_it_is_cancelled(target: Path) -> None:
    class Cancelled(BaseException):
        pass

    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise Cancelled

    with pytest.raises(Cancelled):
        extract_model(io.BytesIO(packed(member("f", bytes(9 * 10**6)))), URL, target, LIMITS, check)
    assert calls == 4
    assert not list(target.parent.iterdir())


def test_a_failing_source_is_not_the_archives_fault(target: Path) -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 100_000:
                raise EOFError("the connection broke")
            return super().read(10_000)

    with pytest.raises(EOFError, match="the connection broke"):
        extract_model(Failing(packed(member("f", NOISE))), URL, target, LIMITS)
    assert not list(target.parent.iterdir())
