from pathlib import Path

import pytest

from emulator.fast_file import prerequisites as module
from emulator.fast_file.faults import FastFileError
from emulator.fast_file.mount_table import MountPoint
from emulator.fast_file.prerequisites import allows_others, availability, why_not_mounted, why_not_seen

ROOT = "CapEff:\t000001ffffffffff\nNoNewPrivs:\t0\n"
ORDINARY = "CapEff:\t0000000000000000\nNoNewPrivs:\t0\n"
LOCKED_IN = "CapEff:\t0000000000000000\nNoNewPrivs:\t1\n"


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fusermount3 that may become root, and a configuration that lets others read."""
    program = tmp_path / "bin" / "fusermount3"
    program.parent.mkdir()
    program.touch()
    program.chmod(0o4755)
    conf = tmp_path / "fuse.conf"
    conf.write_text("user_allow_other\n")
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setattr(module, "FUSE_CONF", conf)
    return program


def test_who_may_mount_needs_no_helper() -> None:
    assert why_not_mounted(ROOT) is None


def test_the_device_must_be_open_to_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DEVICE", tmp_path / "fuse")
    module.DEVICE.touch()
    monkeypatch.setattr(module.os, "access", lambda *_: False)
    assert "may not open" in str(availability(tmp_path / "3"))


def test_an_ordinary_user_needs_a_helper_that_may_become_root(helper: Path) -> None:
    assert why_not_mounted(ORDINARY) is None
    assert "may not become root" in str(why_not_mounted(LOCKED_IN))
    helper.chmod(0o755)
    assert "may not become root" in str(why_not_mounted(ORDINARY))
    helper.unlink()
    assert "fusermount3, which mounts for ordinary users, is missing" in str(why_not_mounted(ORDINARY))


def test_an_ordinary_user_needs_leave_to_let_others_read(helper: Path) -> None:
    module.FUSE_CONF.write_text("# user_allow_other\n")
    assert "add the line user_allow_other to /etc/fuse.conf" in str(why_not_mounted(ORDINARY))
    module.FUSE_CONF.unlink()
    assert "user_allow_other" in str(why_not_mounted(ORDINARY))


@pytest.mark.parametrize(
    ("conf", "allowed"),
    [("", False), ("#user_allow_other\n", False), ("mount_max = 5\n user_allow_other # yes\n", True)],
)
def test_allows_others_reads_the_line(conf: str, allowed: bool) -> None:
    assert allows_others(conf) is allowed


def test_a_container_must_hand_its_mounts_on() -> None:
    root = MountPoint(Path("/"), "overlay", False)
    hosts = MountPoint(Path("/etc/hosts"), "ext4", False)
    data = MountPoint(Path("/data"), "ext4", True)
    assert why_not_seen(Path("/data/work"), [root]) is None
    assert why_not_seen(Path("/data/work"), [root, hosts, data]) is None
    for mounts in ([root, hosts], [root, hosts, data._replace(is_shared=False)]):
        assert "propagation rshared" in str(why_not_seen(Path("/data/work"), mounts))
    assert "propagation rshared" in str(why_not_seen(Path("/elsewhere"), [root, hosts, data]))


def test_without_libfuse_the_reason_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = tmp_path / "fuse"
    monkeypatch.setattr(module, "DEVICE", device)
    assert "there is no /dev/fuse" in str(availability(tmp_path / "1"))
    device.touch()
    monkeypatch.setattr(module, "find_library", lambda _name: None)
    module.load_session.cache_clear()
    try:
        reason = "libfuse 3 is missing: install it (Debian and Ubuntu: apt-get install fuse3)."
        assert availability(tmp_path / "2") == reason
        monkeypatch.setattr(module, "find_library", lambda _name: "libdoes-not-exist.so")
        monkeypatch.setattr(module, "_import", refuse)
        with pytest.raises(FastFileError, match="cannot open shared object file"):
            module.load_session()
    finally:
        module.load_session.cache_clear()


def refuse(_name: str) -> None:
    raise OSError("cannot open shared object file")
