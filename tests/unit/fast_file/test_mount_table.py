from pathlib import Path

from emulator.fast_file.mount_table import MountPoint, parse_mount_table, read_mount_table, remove_dead_mounts

TABLE = rb"""22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
23 22 0:51 / /data/a\040b\134\011c ro,nosuid - fuse.sagemaker-fast-file sagemaker-fast-file ro,user_id=0
24 22 0:52 / /mnt/x rw master:2 propagate_from:1 - tmpfs tmpfs rw
"""


def test_mount_table_is_read_with_its_escapes() -> None:
    assert list(parse_mount_table(TABLE)) == [
        MountPoint(Path("/"), "ext4", True),
        MountPoint(Path("/data/a b\\\tc"), "fuse.sagemaker-fast-file", False),
        MountPoint(Path("/mnt/x"), "tmpfs", False),
    ]


def test_mount_table_is_empty_where_the_system_has_none(tmp_path: Path) -> None:
    assert read_mount_table(tmp_path / "none") == []


def test_remove_dead_mounts_finds_nothing_in_an_ordinary_or_missing_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert remove_dead_mounts(tmp_path) == []
    assert remove_dead_mounts(tmp_path / "missing") == []
    assert (tmp_path / "file").exists()
