"""The contract of compute/backend.py: one body for the strict fake and for a real Docker Engine."""

import io
import math
import os
import tarfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path
from uuid import uuid4

import anyio
import anyio.to_thread
import docker
import docker.errors
import pytest

from emulator.compute.backend import ComputeBackend
from emulator.compute.docker import DockerBackend, DockerOptions
from emulator.compute.fake import FakeBackend, Script
from emulator.domain.cluster import (
    ClusterSpec,
    InstanceExit,
    InstanceSpec,
    LayeredView,
    Limits,
    LogLine,
    Mount,
    UsageSample,
)
from emulator.domain.ecr import EcrRegistry
from emulator.domain.failure_reason import JobFailure
from emulator.domain.image_source import ImageSource

IMAGE = "sagemaker-emulator-base:bookworm"
FAKE = pytest.param("fake", id="fake")
DOCKER = pytest.param("docker", id="docker", marks=pytest.mark.docker)
POOL = IPv4Network("10.214.0.0/20")
CALLER = EcrRegistry("123456789012", "us-east-1")

Case = Callable[[ComputeBackend, ClusterSpec], Awaitable[None]]

PROGRAMS = {
    "succeed": ('python3 -c \'print("hello"); open("/opt/ml/model/m", "w").write("x")\'', Script()),
    "fail": ("exit 3", Script(exit_code=3)),
    "endless": ("trap 'exit 5' TERM; sleep 1000 & wait", Script(after=math.inf, exit_code_on_sigterm=5)),
    "busy": (
        "for f in /var/tmp/x /opt/ml/model/x; do head -c 8M /dev/zero > $f; done; exec timeout 99 sha1sum /dev/zero",
        Script(
            after=math.inf,
            usage=(UsageSample("", 1, 50.0, 2**20), UsageSample("", 2, 90.0, 2**21, 16 * 2**20)),
        ),
    ),
    "stubborn": ("trap '' TERM; sleep 1000", Script(after=math.inf, ignores_sigterm=True)),
}
SUCCEEDS = Script(logs=("hello",), writes={"model/m": b"x"})


@pytest.fixture(params=[FAKE, DOCKER])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str, Case], None]:
    """Runs a case on a fresh cluster of two hosts, both with the named program, and destroys it."""

    def run(program: str, case: Case) -> None:
        command, script = PROGRAMS[program]
        script = SUCCEEDS if program == "succeed" else script
        backend: ComputeBackend = FakeBackend({"algo-1": script, "algo-2": script})
        if request.param == "docker":
            require_docker()
            backend = DockerBackend(DockerOptions(installation=uuid4().hex, network_pool=POOL, offline=True))
        cluster = a_cluster(command)

        async def whole() -> None:
            try:
                await case(backend, cluster)
            finally:
                await backend.destroy(cluster.name)
            assert await backend.find() == []

        anyio.run(whole)

    layer = tmp_path / "shared" / "data" / "train"
    layer.mkdir(parents=True)
    (layer / "part").write_text("1")
    return run


def require_docker() -> None:
    try:
        docker.from_env().images.get(IMAGE)
    except (docker.errors.DockerException, OSError) as error:
        if os.environ.get("CI_REQUIRE_ALL") == "1":
            raise
        pytest.skip(f"no Docker Engine with the base image: {error}")


def a_cluster(command: str, image: str = IMAGE, layers: tuple[str, ...] = ("shared",)) -> ClusterSpec:
    def instance(host: str) -> InstanceSpec:
        return InstanceSpec(
            host=host,
            image=image,
            entrypoint=("bash", "-c"),
            arguments=(command,),
            environment={"NAME": "value"},
            directories=("/opt/ml/input/config",),
            files={"/opt/ml/input/config/x.json": "{}"},
            views=(LayeredView("/opt/ml/input", layers),) if layers else (),
            limits=Limits(memory_bytes=256 * 2**20, cpus=1, shm_bytes=64 * 2**20),
        )

    name = f"contract-{uuid4().hex[:8]}"
    return ClusterSpec(name, isolated=False, instances=(instance("algo-1"), instance("algo-2")))


async def launch(backend: ComputeBackend, cluster: ClusterSpec, work_dir: Path) -> None:
    await backend.prepare(cluster)
    await backend.fetch_image(cluster.instances[0].image, CALLER)
    for instance in cluster.instances:
        await backend.create(cluster, instance, work_dir)
    for host in cluster.hosts:
        await backend.start(cluster.name, host)


async def watch(
    backend: ComputeBackend,
    cluster: ClusterSpec,
    host: str,
    since: int = 0,
    samples: list[UsageSample] | None = None,
) -> tuple[InstanceExit, list[LogLine]]:
    """`samples`: where to put what the instance used; None where nothing is to be measured."""
    lines: list[LogLine] = []

    async def sink(some: Sequence[LogLine]) -> None:
        lines.extend(some)

    async def usage(sample: UsageSample) -> None:
        assert samples is not None
        samples.append(sample)

    with anyio.fail_after(60):
        measure = None if samples is None else usage
        return await backend.watch(cluster.name, host, since, sink, measure), lines


@pytest.fixture
def work_dir(tmp_path: Path) -> Path:
    return tmp_path


def test_watch_tells_lines_and_exit_also_a_second_time(
    run: Callable[[str, Case], None], work_dir: Path
) -> None:
    async def case(backend: ComputeBackend, cluster: ClusterSpec) -> None:
        await launch(backend, cluster, work_dir)
        end, lines = await watch(backend, cluster, "algo-1")
        assert (end.host, end.exit_code, end.oom_killed) == ("algo-1", 0, False)
        assert [line.message for line in lines] == ["hello"]
        assert end.peak_memory_bytes is None  # nobody measured
        again, none = await watch(backend, cluster, "algo-1", since=lines[-1].timestamp_ns)
        assert (again.exit_code, none) == (0, [])

    run("succeed", case)


def test_watch_tells_what_an_instance_uses(run: Callable[[str, Case], None], work_dir: Path) -> None:
    async def case(backend: ComputeBackend, cluster: ClusterSpec) -> None:
        await launch(backend, cluster, work_dir)
        samples: list[UsageSample] = []

        async def end_when_seen_at_work() -> None:
            while len(samples) < 2 or max(sample.cpu_percent for sample in samples) <= 10:
                await anyio.sleep(0.05)  # other hosts want the CPU, too
            while True:  # it is not heard while the files are written
                await backend.signal(cluster.name, "algo-1", "SIGTERM")
                await anyio.sleep(0.1)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(end_when_seen_at_work)
            end, _ = await watch(backend, cluster, "algo-1", samples=samples)
            tasks.cancel_scope.cancel()
        assert end.exit_code == 143
        assert {sample.host for sample in samples} == {"algo-1"}
        times = [sample.timestamp_ns for sample in samples]
        assert times == sorted(times)
        assert len(times) >= 2
        assert max(sample.cpu_percent for sample in samples) > 10
        assert max(sample.memory_bytes for sample in samples) > 2**16
        sees_volumes = isinstance(backend, FakeBackend) or os.access("/var/lib/docker/volumes", os.X_OK)
        assert (samples[-1].disk_bytes or 0) >= (16 if sees_volumes else 8) * 2**20
        again: list[UsageSample] = []
        await watch(backend, cluster, "algo-1", since=1, samples=again)
        assert again == []

    run("busy", case)


def test_a_failing_command_is_a_result(run: Callable[[str, Case], None], work_dir: Path) -> None:
    async def case(backend: ComputeBackend, cluster: ClusterSpec) -> None:
        await launch(backend, cluster, work_dir)
        assert (await watch(backend, cluster, "algo-2"))[0].exit_code == 3

    run("fail", case)


def test_sigterm_ends_what_listens(run: Callable[[str, Case], None], work_dir: Path) -> None:
    async def case(backend: ComputeBackend, cluster: ClusterSpec) -> None:
        await launch(backend, cluster, work_dir)

        async def terminate_until_heard() -> None:
            while True:  # the shell may not have set its trap yet
                await backend.signal(cluster.name, "algo-1", "SIGTERM")
                await anyio.sleep(0.1)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(terminate_until_heard)
            end, _ = await watch(backend, cluster, "algo-1")
            tasks.cancel_scope.cancel()
        assert end.exit_code == 5

    run("endless", case)


def test_sigkill_ends_everything(run: Callable[[str, Case], None], work_dir: Path) -> None:
    async def case(backend: ComputeBackend, cluster: ClusterSpec) -> None:
        await launch(backend, cluster, work_dir)
        await backend.signal(cluster.name, "algo-1", "SIGKILL")
        assert (await watch(backend, cluster, "algo-1"))[0].exit_code == 137

    run("stubborn", case)


def test_a_signal_to_what_is_gone_is_no_error(run: Callable[[str, Case], None], work_dir: Path) -> None:
    async def case(backend: ComputeBackend, cluster: ClusterSpec) -> None:
        await launch(backend, cluster, work_dir)
        await watch(backend, cluster, "algo-1")
        await backend.signal(cluster.name, "algo-1", "SIGTERM")
        await backend.signal("no-such-cluster", "algo-1", "SIGTERM")

    run("succeed", case)


def test_create_and_start_adopt_what_is_there(run: Callable[[str, Case], None], work_dir: Path) -> None:
    async def case(backend: ComputeBackend, cluster: ClusterSpec) -> None:
        await launch(backend, cluster, work_dir)
        await watch(backend, cluster, "algo-1")
        await launch(backend, cluster, work_dir)
        assert {found.host for found in await backend.find() if found.host} == {"algo-1", "algo-2"}
        end, lines = await watch(backend, cluster, "algo-1")
        assert end.exit_code == 0
        assert [line.message for line in lines] == ["hello"]

    run("succeed", case)


def test_archive_reads_directories_and_tells_what_is_missing(
    run: Callable[[str, Case], None], work_dir: Path
) -> None:
    async def case(backend: ComputeBackend, cluster: ClusterSpec) -> None:
        await launch(backend, cluster, work_dir)
        await watch(backend, cluster, "algo-1")

        def read() -> tuple[bytes, bool]:
            with backend.archive(cluster.name, "algo-1", "/opt/ml/output/failure") as missing:
                nothing = missing is None
            with backend.archive(cluster.name, "algo-1", "/opt/ml/model/.") as stream:
                assert stream is not None
                return b"".join(stream), nothing

        data, nothing = await anyio.to_thread.run_sync(read)
        assert nothing
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            assert [os.path.normpath(member.name) for member in tar if member.isreg()] == ["m"]

    run("succeed", case)


def test_destroy_of_nothing_is_no_error(run: Callable[[str, Case], None]) -> None:
    async def case(backend: ComputeBackend, cluster: ClusterSpec) -> None:
        await backend.destroy(cluster.name)

    run("succeed", case)


@pytest.mark.docker
@pytest.mark.parametrize("view", ["overlay", "copy"])
def test_docker_gives_every_host_its_own_view_of_the_input(tmp_path: Path, view: str) -> None:
    require_docker()
    layer = tmp_path / "shared" / "data" / "train"
    layer.mkdir(parents=True)
    (layer / "part").write_text("1")
    options = DockerOptions(uuid4().hex, POOL, offline=True, input_view=view)  # type: ignore[arg-type]
    backend = DockerBackend(options)
    part = "/opt/ml/input/data/train/part"
    cluster = a_cluster(f"echo $HOSTNAME >> {part}; cat {part}")

    async def whole() -> None:
        try:
            await launch(backend, cluster, tmp_path)
            for host in cluster.hosts:
                _, lines = await watch(backend, cluster, host)
                assert lines[-1].message == f"1{host}"
        finally:
            await backend.destroy(cluster.name)
        assert await backend.find() == []

    anyio.run(whole)
    assert (layer / "part").read_text() == "1"


@pytest.mark.docker
def test_docker_copies_input_below_a_read_only_mount(tmp_path: Path) -> None:
    """As where a job has channels in Pipe mode beside others. Four of them: the Engine looks at mounts in any order."""
    require_docker()
    names = [f"channel-{number}" for number in range(4)]
    for name in names:
        (tmp_path / "pipes" / name).mkdir(parents=True)
        (tmp_path / name).mkdir()
        (tmp_path / name / "part").write_text(name)
    backend = DockerBackend(DockerOptions(uuid4().hex, POOL, offline=True, input_view="copy"))
    data = "/opt/ml/input/data"
    plain = a_cluster(f"cat {data}/*/part; touch {data}/new 2>&1 | grep -o Read-only", layers=())
    views = tuple(LayeredView(f"{data}/{name}", (name,)) for name in names)
    pipes = (Mount("pipes", data, read_only=True),)
    cluster = replace(plain, instances=tuple(replace(i, views=views, mounts=pipes) for i in plain.instances))

    async def whole() -> None:
        try:
            await launch(backend, cluster, tmp_path)
            for host in cluster.hosts:
                _, lines = await watch(backend, cluster, host)
                assert [line.message for line in lines] == ["".join(names) + "Read-only"]
        finally:
            await backend.destroy(cluster.name)

    anyio.run(whole)


@pytest.mark.docker
def test_docker_tells_a_command_that_does_not_exist_by_its_exit_code(tmp_path: Path) -> None:
    require_docker()
    backend = DockerBackend(DockerOptions(uuid4().hex, POOL, offline=True))
    found = a_cluster("true", layers=())
    missing = tuple(InstanceSpec(**{**vars(i), "entrypoint": ("no-such-program",)}) for i in found.instances)
    cluster = ClusterSpec(found.name, False, missing)

    async def whole() -> None:
        try:
            await launch(backend, cluster, tmp_path)
            end, _ = await watch(backend, cluster, "algo-1")
            assert end.exit_code == 127
            assert "no-such-program" in end.detail
        finally:
            await backend.destroy(cluster.name)

    anyio.run(whole)


@pytest.fixture(params=[FAKE, DOCKER])
def backend(request: pytest.FixtureRequest) -> ComputeBackend:
    if request.param == "fake":
        return FakeBackend(missing_images=frozenset({"no-such-image:latest"}))
    require_docker()
    return DockerBackend(DockerOptions(installation=uuid4().hex, network_pool=POOL, offline=True))


def test_image_is_found_and_fetched_as_the_same(backend: ComputeBackend) -> None:
    async def case() -> None:
        found = await backend.find_image(IMAGE, CALLER)
        assert found is not None
        assert found.source is ImageSource.ENGINE
        assert str(found.digest).startswith("sha256:")
        assert await backend.fetch_image(IMAGE, CALLER) == found

    anyio.run(case)


def test_missing_image_is_not_found_and_the_jobs_failure(backend: ComputeBackend) -> None:
    async def case() -> None:
        assert await backend.find_image("no-such-image:latest", CALLER) is None
        with pytest.raises(JobFailure, match="Cannot find the training image no-such-image:latest"):
            await backend.fetch_image("no-such-image:latest", CALLER)

    anyio.run(case)


def test_docker_says_so_where_no_engine_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    backend = DockerBackend(DockerOptions(installation=uuid4().hex, network_pool=POOL))

    async def case() -> None:
        with pytest.raises(ConnectionError, match="No Docker Engine answers"):
            await backend.find_image(IMAGE, CALLER)

    anyio.run(case)
