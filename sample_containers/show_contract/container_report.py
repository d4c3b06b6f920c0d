"""Collects what can be seen from inside a training container."""

from __future__ import annotations

import json
import os
import socket
import stat
from pathlib import Path
from typing import Any

# cgroup v1 and v2 say the same in different files.
LIMIT_FILES = {
    "memory_bytes": ["memory.max", "memory/memory.limit_in_bytes"],
    "memory_and_swap_bytes": ["memory.swap.max", "memory/memory.memsw.limit_in_bytes"],
    "cpu_quota": ["cpu.max", "cpu/cpu.cfs_quota_us"],
    "cpu_period": ["cpu/cpu.cfs_period_us"],
    "processes": ["pids.max", "pids/pids.max"],
}


def contract_report(opt_ml: Path, cgroup: Path) -> dict[str, Any]:
    return {
        "tree": tree(opt_ml),
        "config": config_files(opt_ml / "input" / "config"),
        "environment": dict(os.environ),
        "limits": limits(cgroup) | shared_memory(Path("/dev/shm")) | {"cpus": len(os.sched_getaffinity(0))},
        "hostname": socket.gethostname(),
        "process": {"pid": os.getpid(), "uid": os.getuid(), "gid": os.getgid(), "directory": os.getcwd()},
    }


def tree(root: Path) -> list[dict[str, Any]]:
    """Every file and directory below the root: `ls -lR` as data."""
    return [describe(path, root) for path in [root, *sorted(root.rglob("*"))]]


def describe(path: Path, root: Path) -> dict[str, Any]:
    status = path.lstat()
    return {
        "path": str(path.relative_to(root)),
        "mode": stat.filemode(status.st_mode),
        "uid": status.st_uid,
        "gid": status.st_gid,
        "size": status.st_size if stat.S_ISREG(status.st_mode) else None,
    }


def config_files(directory: Path) -> dict[str, Any]:
    return {
        path.name: json_or_text(path.read_text()) for path in sorted(directory.glob("*")) if path.is_file()
    }


def json_or_text(content: str) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content


def limits(cgroup: Path) -> dict[str, str | None]:
    return {name: first_content(cgroup, files) for name, files in LIMIT_FILES.items()}


def first_content(cgroup: Path, files: list[str]) -> str | None:
    found = [cgroup / file for file in files if (cgroup / file).is_file()]
    return found[0].read_text().strip() if found else None


def shared_memory(mount: Path) -> dict[str, int]:
    size = os.statvfs(mount)
    return {"shared_memory_bytes": size.f_frsize * size.f_blocks}
