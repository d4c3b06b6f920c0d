"""The objects that a transform job reads, and where the output of each goes (API TransformInput, TransformOutput)."""

import json
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from emulator.domain.channel import S3DataType
from emulator.domain.manifest_file import MAX_MANIFEST_BYTES, read_manifest
from emulator.domain.s3_fault import S3Fault
from emulator.domain.s3_object import S3Object
from emulator.domain.s3_uri import S3Uri
from emulator.domain.transform_job import TransformJob
from emulator.hosting.transform_failure import input_not_listed, no_objects, same_output
from emulator.objects.object_store import ObjectStore

INPUTS, DONE = "inputs.jsonl", "done.txt"


class TransformObject(NamedTuple):
    source: S3Object
    output: S3Uri


async def list_objects(job: TransformJob, objects: ObjectStore) -> list[TransformObject]:
    """All objects of the job by key, folder markers left out. Raises JobFailure."""
    source = job.request.transform_input.source
    try:
        if source.s3_data_type is S3DataType.MANIFEST_FILE:
            named = await _named(source.uri, objects)
        else:
            prefix = source.uri.key
            named = [(relative_key(found.key, prefix), found) async for found in objects.list(source.uri)]
    except (S3Fault, ValueError) as fault:
        raise input_not_listed(f"{source.s3_uri}: {fault}") from fault
    output = job.request.transform_output.uri
    listed = {
        found: TransformObject(found, output.join(f"{name}.out"))
        for name, found in named
        if not found.key.endswith("/")
    }
    if not listed:
        raise no_objects(source.s3_uri)
    _refuse_clashes(listed.values())
    return sorted(listed.values())


async def _named(manifest: S3Uri, objects: ObjectStore) -> list[tuple[str, S3Object]]:
    """Names relative to the manifest's prefix, with their objects. Raises S3Fault, ValueError."""
    content = await objects.read(manifest, MAX_MANIFEST_BYTES + 1)
    entries = read_manifest(content).entries
    named = []
    for entry in entries:
        try:
            named.append((entry.name.removeprefix("/"), await objects.stat(entry.uri)))
        except S3Fault as fault:
            raise ValueError(f"{entry.uri}: {fault}") from fault
    return named


def relative_key(key: str, prefix: str) -> str:
    """What an output is named after: the key below the prefix as a folder, or from the name on that the prefix begins.

    As paths of training channels are made (domain/object_path.py); S3 has no `..`, so nothing is refused here.
    """
    rest = key[len(prefix) :]
    if not prefix or prefix.endswith("/"):
        return rest
    return rest[1:] if rest.startswith("/") else key[prefix.rfind("/") + 1 :]


def _refuse_clashes(listed: Iterable[TransformObject]) -> None:
    taken: dict[S3Uri, str] = {}
    for source, output in listed:
        first = taken.setdefault(output, source.key)
        if first != source.key:
            raise same_output((first, source.key), str(output))


class TransformLedger:
    """What the job reads and which of it is done, in a directory, for the process that goes on after a restart.

    So a job whose output lies below its input's prefix does not take its own output for input.
    All methods are for worker threads, `note_done` for one at a time.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def read(self) -> list[TransformObject] | None:
        """None where nothing was written yet."""
        try:
            lines = (self._directory / INPUTS).read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return None
        entries = (json.loads(line) for line in lines)
        return [TransformObject(S3Object(*source), S3Uri(*output)) for source, output in entries]

    def write(self, listed: Iterable[TransformObject]) -> None:
        """All at once or not at all."""
        self._directory.mkdir(parents=True, exist_ok=True)
        partial = self._directory / f".{INPUTS}"
        with partial.open("w", encoding="utf-8") as file:
            file.writelines(f"{json.dumps(entry)}\n" for entry in listed)
        partial.replace(self._directory / INPUTS)

    def done(self) -> set[str]:
        """The URIs of the outputs that were written. Where a line was cut off, the object is done anew."""
        found: set[str] = set()
        with suppress(FileNotFoundError):
            for line in (self._directory / DONE).read_text(encoding="utf-8").splitlines():
                with suppress(ValueError):
                    found.add(json.loads(line))
        return found

    def note_done(self, output: S3Uri) -> None:
        with (self._directory / DONE).open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(str(output))}\n")

    def remove(self) -> None:
        shutil.rmtree(self._directory, ignore_errors=True)
