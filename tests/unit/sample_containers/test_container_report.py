import os
from pathlib import Path

from sample_containers.show_contract.container_report import config_files, contract_report, limits, tree


def test_tree_names_mode_owner_and_size(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir(mode=0o755)
    (tmp_path / "model" / "weights.bin").write_bytes(b"12345")
    (tmp_path / "model" / "weights.bin").chmod(0o640)

    entries = {entry["path"]: entry for entry in tree(tmp_path)}

    assert list(entries) == [".", "model", "model/weights.bin"]
    assert entries["model"]["mode"] == "drwxr-xr-x"
    assert entries["model"]["size"] is None
    owner = {"uid": os.getuid(), "gid": os.getgid()}
    assert (
        entries["model/weights.bin"] == {"path": "model/weights.bin", "mode": "-rw-r-----", "size": 5} | owner
    )


def test_tree_lists_a_fifo_without_opening_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "train_0", mode=0o600)

    assert tree(tmp_path)[1] | {"uid": 0, "gid": 0} == {
        "path": "train_0",
        "mode": "prw-------",
        "uid": 0,
        "gid": 0,
        "size": None,
    }


def test_config_files_holds_json_parsed_and_text_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "hyperparameters.json").write_text('{"epochs": "3"}')
    (tmp_path / "notes.txt").write_text("no json")

    assert config_files(tmp_path) == {"hyperparameters.json": {"epochs": "3"}, "notes.txt": "no json"}


def test_limits_reads_cgroup_v1(tmp_path: Path) -> None:
    for file, content in {"memory/memory.limit_in_bytes": "536870912\n", "pids/pids.max": "max\n"}.items():
        (tmp_path / file).parent.mkdir()
        (tmp_path / file).write_text(content)

    assert limits(tmp_path) == {
        "memory_bytes": "536870912",
        "memory_and_swap_bytes": None,
        "cpu_quota": None,
        "cpu_period": None,
        "processes": "max",
    }


def test_limits_reads_cgroup_v2(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("1073741824\n")
    (tmp_path / "cpu.max").write_text("150000 100000\n")

    found = limits(tmp_path)

    assert (found["memory_bytes"], found["cpu_quota"], found["cpu_period"]) == (
        "1073741824",
        "150000 100000",
        None,
    )


def test_contract_report_of_an_empty_directory_still_has_every_key(tmp_path: Path) -> None:
    report = contract_report(tmp_path, tmp_path)

    assert set(report) == {"tree", "config", "environment", "limits", "hostname", "process"}
    assert report["config"] == {}
