"""Single files of a container, as the Engine shows them, wherever it runs and whoever owns the files.

How a listing is made, and what it costs: docs/decisions/012-checkpoints.md.
"""

import io
import json
import tarfile
from base64 import b64decode
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from docker import APIClient
from docker.errors import NotFound

from emulator.compute.docker_archive import CHUNK, pack_files, stream_copy
from emulator.compute.docker_request import container_name
from emulator.domain.cluster import CopiedTree, FileState
from emulator.domain.failure_reason import container_gone

READ_AT_MOST = 256 * 2**20
"""Bytes of a directory that a listing reads past; of a larger one it asks for the changed paths."""

DELETED = 2
"""`Kind` in the Engine's list of changed paths."""

NOT_REGULAR = 0x8F28_0000
"""Of Go's FileMode: directory, link, device, FIFO, socket, character device, irregular."""
LINK = 0x0800_0000

OUTPUT = "/opt/ml/output"
FAILURE = f"{OUTPUT}/failure"
"""Source: DG your-algorithms-training-algo-output."""


class ContainerFiles:
    """For worker threads."""

    def __init__(self, api: APIClient, cluster: str, host: str) -> None:
        self._api = api
        self._name = container_name(cluster, host)
        self._host = host

    def list(self, directory: str, only: Collection[str] | None) -> dict[str, FileState]:
        """See `list_files` in backend.py. Raises JobFailure where the container is gone."""
        try:
            if only is not None:
                return self._ask_for_each(directory, only)
            try:
                return self._read_headers(directory, READ_AT_MOST)
            except _TooMuchError:
                return self._list_large(directory)
        except NotFound as error:
            raise container_gone(self._host) from error

    def put(self, files: Mapping[str, str]) -> None:
        try:
            self._api.put_archive(self._name, "/", pack_files((), files))
        except NotFound as error:
            raise container_gone(self._host) from error

    def blank_failure_file(self) -> None:
        """Before the start: empty the failure file of an image that has one, so that it is not taken for the job's."""
        if self._head(FAILURE) is not None:
            self.put({FAILURE: ""})

    def _read_headers(self, directory: str, limit: int | None) -> dict[str, FileState]:
        """From the archive stream; the files' content goes by unused. Raises _TooMuchError."""
        try:
            stream, _ = self._api.get_archive(self._name, f"{directory}/.", chunk_size=CHUNK)
        except NotFound as error:
            if is_container_missing(error):
                raise
            return {}
        try:
            with tarfile.open(fileobj=io.BufferedReader(_Chunks(stream, limit), CHUNK), mode="r|") as tar:
                return _states(tar)
        finally:
            stream.close()

    def _list_large(self, directory: str) -> dict[str, FileState]:
        if not self._is_plain(directory):
            return self._read_headers(directory, None)
        changes = self._api.diff(self._name) or []
        below = f"{directory}/"
        paths = [change["Path"] for change in changes if change["Kind"] != DELETED]
        found = self._ask_for_each(directory, [p.removeprefix(below) for p in paths if p.startswith(below)])
        self._api.inspect_container(self._name)  # or else a container that has just gone would look empty
        return found

    def _is_plain(self, directory: str) -> bool:
        """Whether all of it is in the container's layer under this very path: no volume, no link on the way."""
        mounts = self._api.inspect_container(self._name)["Mounts"]
        if any(_overlap(mount["Destination"], directory) for mount in mounts):
            return False
        ancestors = [directory, *map(str, PurePosixPath(directory).parents)][:-1]
        return not any((self._head(path) or {}).get("mode", 0) & LINK for path in ancestors)

    def _ask_for_each(self, directory: str, names: Collection[str]) -> dict[str, FileState]:
        states = {}
        for name in names:
            found = self._head(f"{directory}/{name}")
            if found is not None and not found["mode"] & NOT_REGULAR:
                states[name] = FileState(
                    found["size"], int(datetime.fromisoformat(found["mtime"]).timestamp() // 1)
                )
        return states

    def _head(self, path: str) -> dict[str, Any] | None:
        """`HEAD /containers/ID/archive`, which the client library does not have. None where nothing is there."""
        url = f"{self._api.base_url}/v{self._api.api_version}/containers/{self._name}/archive"
        answer = self._api.head(url, params={"path": path}, timeout=self._api.timeout)
        if answer.status_code == 404:
            return None
        answer.raise_for_status()
        found: dict[str, Any] = json.loads(b64decode(answer.headers["X-Docker-Container-Path-Stat"]))
        return found


def fill_directories(api: APIClient, name: str, trees: Iterable[CopiedTree], work_dir: Path) -> None:
    """For a container that was just created."""
    mounts = [mount["Destination"] for mount in api.inspect_container(name)["Mounts"]] if trees else []
    for tree in trees:
        source = None if tree.source is None else work_dir / tree.source
        # What an image's own VOLUME shows there cannot be taken away.
        is_kept = any(PurePosixPath(mount).is_relative_to(tree.target) for mount in mounts)
        stream = stream_copy(source, tree.target, tree.mtime, tree.replaces and not is_kept)
        api.put_archive(name, "/", stream)


def is_container_missing(error: NotFound) -> bool:
    """The Engine says 404 of a missing path, too."""
    return "no such container" in str(error.explanation).lower()


def _states(tar: tarfile.TarFile) -> dict[str, FileState]:
    states: dict[str, FileState] = {}
    for member in tar:
        name = member.name.removeprefix("./")
        if member.isreg():
            states[name] = FileState(member.size, int(member.mtime))
        elif member.islnk() and (first := member.linkname.removeprefix("./")) in states:
            states[name] = states[first]
    return {name: state for name, state in states.items() if _is_text(name)}


def _is_text(name: str) -> bool:
    """tarfile and the Engine's JSON have each a stand-in for bytes that are not UTF-8."""
    return not any("\udc80" <= character <= "\udcff" or character == "\ufffd" for character in name)


def _overlap(one: str, other: str) -> bool:
    return PurePosixPath(one).is_relative_to(other) or PurePosixPath(other).is_relative_to(one)


class _TooMuchError(Exception):
    """More than the limit goes by."""


class _Chunks(io.RawIOBase):
    """Chunks as a file, up to a limit."""

    def __init__(self, chunks: Iterator[bytes], limit: int | None) -> None:
        self._chunks = chunks
        self._limit = limit
        self._passed = 0
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._rest = self._rest or next(self._chunks, b"")
        data, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        self._passed += len(data)
        if self._limit is not None and self._passed > self._limit:
            raise _TooMuchError
        buffer[: len(data)] = data
        return len(data)
