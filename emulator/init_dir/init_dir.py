"""The init directory: buckets are filled before the server answers, scripts run before it says `Ready.`."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from emulator.domain.s3_fault import S3Fault
from emulator.init_dir.script_run import run_script
from emulator.init_dir.seeding import Seeding, bucket_folders

Report = dict[str, Any]

BUCKETS = "buckets"
SCRIPTS = "ready.d"

log = logging.getLogger(__name__)


class InitDir:
    """`directory` None: nothing to do. A step that fails is reported, and the next one is taken all the same."""

    def __init__(self, directory: Path | None, seeding: Seeding) -> None:
        self._directory = directory.resolve() if directory else None
        self._seeding = seeding
        self._buckets: list[Report] = []
        self._scripts: list[Report] = []

    async def seed_buckets(self) -> None:
        if self._directory is None:
            return
        if not self._directory.is_dir():
            self._buckets.append(_failed(self._directory.name, "INIT_DIR names no directory."))
            return
        try:
            folders = bucket_folders(self._directory / BUCKETS)
        except S3Fault as fault:
            self._buckets.append(_failed(BUCKETS, str(fault)))
            return
        for folder in folders:
            self._buckets.append(await self._seed(folder))

    async def _seed(self, folder: Path) -> Report:
        try:
            uploaded = await self._seeding.seed(folder)
        except (S3Fault, OSError) as error:
            return _failed(folder.name, str(error))
        log.info("Bucket %s is seeded: %d objects uploaded.", folder.name, uploaded)
        return {"name": folder.name, "status": "done", "uploaded": uploaded}

    async def run_scripts(self, environment: Mapping[str, str]) -> None:
        """One after the other, in the order of their names."""
        self._scripts = [{"name": path.name, "status": "waiting"} for path in self._script_paths()]
        for path, report in zip(self._script_paths(), self._scripts, strict=True):
            report["status"] = "running"
            report.update(await _run(path, environment))

    def _script_paths(self) -> list[Path]:
        directory = self._directory / SCRIPTS if self._directory else None
        if directory is None or not directory.is_dir():
            return []
        return sorted(
            path for path in directory.iterdir() if path.suffix in (".sh", ".py") and path.is_file()
        )

    def report(self) -> Report:
        """For the health page."""
        if self._directory is None:
            return {"status": "none"}
        steps = {"buckets": self._buckets, "scripts": self._scripts}
        return {"status": _status([*self._buckets, *self._scripts]), **steps, **_reason(self._failures())}

    def _failures(self) -> Iterator[str]:
        return (step["name"] for step in [*self._buckets, *self._scripts] if step["status"] == "failed")


async def _run(path: Path, environment: Mapping[str, str]) -> Report:
    log.info("Running %s.", path.name)
    try:
        code = await run_script(path, environment)
    except OSError as error:
        return _failed(path.name, str(error))
    if code != 0:
        return {**_failed(path.name, f"exit code {code}"), "exit_code": code}
    return {"status": "done", "exit_code": 0}


def _failed(name: str, reason: str) -> Report:
    log.error("Init: %s failed: %s", name, reason)
    return {"name": name, "status": "failed", "reason": reason}


def _status(steps: list[Report]) -> str:
    found = {step["status"] for step in steps}
    if "failed" in found:
        return "error"
    return "running" if found & {"running", "waiting"} else "ok"


def _reason(failures: Iterator[str]) -> Report:
    names = ", ".join(failures)
    return {"reason": f"{names} failed; see the emulator's log."} if names else {}
