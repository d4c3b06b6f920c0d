"""Files of containers, by the contract of compute/backend.py: one body for the strict fake and for a real Engine."""

import math
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import anyio
import docker
import pytest

from emulator.compute import docker_files
from emulator.compute.backend import ComputeBackend
from emulator.compute.docker import DockerBackend, DockerOptions
from emulator.compute.fake import FakeBackend, Script
from emulator.domain.cluster import ClusterSpec, CopiedTree, FileState
from tests.contract.test_compute_backend import (
    DOCKER,
    FAKE,
    IMAGE,
    POOL,
    a_cluster,
    launch,
    require_docker,
    watch,
)
from tests.support.images import build_image

RESTORED = 1_700_000_000
HOST = "algo-1"

Write = Callable[[str, bytes], Awaitable[None]]
Case = Callable[[ComputeBackend, ClusterSpec], Awaitable[None]]
COMMAND = (
    "cd /opt/ml/checkpoints; printf 12345 > 'sub/ü b'; rm old; printf more >> kept; echo READY; sleep 1000"
)


@pytest.fixture(params=[FAKE, DOCKER])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Case], None]:
    """Runs a case on a cluster that has restored three checkpoints and then run COMMAND."""
    staged = tmp_path / "staged"
    (staged / "sub").mkdir(parents=True)
    for name in ("old", "kept", "sub/same"):
        (staged / name).write_text("staged")

    def run(case: Case) -> None:
        backend: ComputeBackend = FakeBackend({HOST: Script(after=math.inf, logs=("READY",))})
        if request.param == "docker":
            require_docker()
            backend = DockerBackend(DockerOptions(installation=uuid4().hex, network_pool=POOL, offline=True))
        cluster = with_trees(a_cluster(COMMAND, layers=()))

        async def whole() -> None:
            try:
                await launch(backend, cluster, tmp_path)
                await until_ready(backend, cluster)
                await case(backend, cluster)
            finally:
                await backend.destroy(cluster.name)

        anyio.run(whole)

    return run


def with_trees(cluster: ClusterSpec, target: str = "/opt/ml/checkpoints") -> ClusterSpec:
    trees = (CopiedTree(target, "staged", RESTORED), CopiedTree("/state", None, RESTORED))
    return replace(cluster, instances=tuple(replace(each, trees=trees) for each in cluster.instances[:1]))


async def until_ready(backend: ComputeBackend, cluster: ClusterSpec) -> None:
    """On the fake, do what COMMAND does."""
    if isinstance(backend, FakeBackend):
        files = backend.files(HOST)
        files.write("/opt/ml/checkpoints/sub/ü b", b"12345", RESTORED + 9)
        files.write("/opt/ml/checkpoints/kept", b"stagedmore", RESTORED + 9)
        files.remove("/opt/ml/checkpoints/old")
        return
    with anyio.fail_after(60):
        while len(await backend.list_files(cluster.name, HOST, "/opt/ml/checkpoints", ["old"])):
            await anyio.sleep(0.05)
        while "kept" in await changed(backend, cluster):
            await anyio.sleep(0.05)


async def changed(backend: ComputeBackend, cluster: ClusterSpec) -> dict[str, FileState]:
    """Those that are as they were restored."""
    found = await backend.list_files(cluster.name, HOST, "/opt/ml/checkpoints")
    return {name: state for name, state in found.items() if state == FileState(6, RESTORED)}


def test_files_are_listed_with_what_tells_a_change(run: Callable[[Case], None]) -> None:
    async def case(backend: ComputeBackend, cluster: ClusterSpec) -> None:
        found = await backend.list_files(cluster.name, HOST, "/opt/ml/checkpoints")
        assert {name: state.size for name, state in found.items()} == {
            "kept": 10,
            "sub/same": 6,
            "sub/ü b": 5,
        }
        assert found["sub/same"].mtime == RESTORED
        assert min(found["kept"].mtime, found["sub/ü b"].mtime) > RESTORED
        some = await backend.list_files(cluster.name, HOST, "/opt/ml/checkpoints", ["kept", "old", "sub"])
        assert some == {"kept": found["kept"]}

    run(case)


def test_directories_that_are_empty_or_missing_have_no_files(run: Callable[[Case], None]) -> None:
    async def case(backend: ComputeBackend, cluster: ClusterSpec) -> None:
        assert await backend.list_files(cluster.name, HOST, "/state") == {}
        assert await backend.list_files(cluster.name, HOST, "/no/such/directory") == {}

    run(case)


def test_files_are_put_while_the_container_runs(run: Callable[[Case], None]) -> None:
    async def case(backend: ComputeBackend, cluster: ClusterSpec) -> None:
        await backend.put_files(cluster.name, HOST, {"/state/ü b.mark": "", "/state/sub/x": "text"})
        found = await backend.list_files(cluster.name, HOST, "/state")
        assert {name: state.size for name, state in found.items()} == {"ü b.mark": 0, "sub/x": 4}

    run(case)


AWKWARD = """
mkdir -p /opt/ml/checkpoints/d /elsewhere; cd /opt/ml/checkpoints
head -c 3000000 /dev/zero > d/big; ln d/big hard; ln -s /etc/passwd link; ln -s /etc etc; mkfifo fifo
printf x > "$(printf 'bad\\377name')"; printf 'two\\nlines' > "$(printf 'two\\nlines')"
"""


@pytest.mark.docker
@pytest.mark.parametrize("limit", [docker_files.READ_AT_MOST, 1_000_000])
@pytest.mark.parametrize("target", ["/opt/ml/checkpoints", "/var/run/state"])
def test_docker_lists_large_directories_as_it_lists_small_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int, target: str
) -> None:
    """/var/run is a symbolic link, so what lies there is in the Engine's list of changes under another path."""
    require_docker()
    monkeypatch.setattr(docker_files, "READ_AT_MOST", limit)
    backend = DockerBackend(DockerOptions(uuid4().hex, POOL, offline=True))
    (tmp_path / "staged").mkdir()
    command = AWKWARD.replace("/opt/ml/checkpoints", target)
    cluster = with_trees(a_cluster(command, layers=()), target)

    async def whole() -> None:
        try:
            await launch(backend, cluster, tmp_path)
            end, _ = await watch(backend, cluster, HOST)
            assert end.exit_code == 0
            found = await backend.list_files(cluster.name, HOST, target)
            sizes = {name: state.size for name, state in found.items()}
            assert sizes == {"d/big": 3_000_000, "hard": 3_000_000, "two\nlines": 9}
            assert await backend.list_files(cluster.name, HOST, target, list(found)) == found
        finally:
            await backend.destroy(cluster.name)

    anyio.run(whole)


@pytest.mark.docker
def test_docker_hides_what_the_image_has_in_a_copied_trees_place(tmp_path: Path) -> None:
    require_docker()
    backend = DockerBackend(DockerOptions(uuid4().hex, POOL, offline=True))
    (tmp_path / "staged").mkdir()
    (tmp_path / "staged" / "passwd").write_text("mine")
    cluster = with_trees(
        a_cluster("ls -ln /usr/share/doc | tail -n +2; ls -ld /usr/share/doc", layers=()), "/usr/share/doc"
    )

    async def whole() -> None:
        try:
            await launch(backend, cluster, tmp_path)
            _, lines = await watch(backend, cluster, HOST)
        finally:
            await backend.destroy(cluster.name)
        file, directory = (line.message for line in lines)
        assert file.split()[:4] == ["-rw-r--r--", "1", "0", "0"]
        assert file.endswith("passwd")
        assert directory.startswith("drwxr-xr-x")

    anyio.run(whole)


def test_what_is_not_utf8_has_no_key() -> None:
    assert not docker_files._is_text(os.fsdecode(b"bad\xff"))
    assert docker_files._is_text("ü b")


@pytest.mark.docker
def test_docker_takes_no_failure_file_of_the_image_for_the_jobs(tmp_path: Path) -> None:
    require_docker()
    dockerfile = f"FROM {IMAGE}\nRUN mkdir -p /opt/ml/output && echo old > /opt/ml/output/failure\n"
    image = build_image(docker.from_env(), "own-failure-file", dockerfile, {})
    backend = DockerBackend(DockerOptions(uuid4().hex, POOL, offline=True))
    cluster = a_cluster("true", image, layers=())

    async def whole() -> None:
        try:
            await launch(backend, cluster, tmp_path)
            found = await backend.list_files(cluster.name, HOST, "/opt/ml/output")
            assert found["failure"].size == 0
        finally:
            await backend.destroy(cluster.name)

    anyio.run(whole)
