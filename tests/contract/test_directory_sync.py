"""Checkpoints on scripted containers and the embedded S3: every look is the test's own."""

import math
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import anyio
import anyio.to_thread
import pytest
from anyio import CapacityLimiter

from emulator.clock import SystemClock
from emulator.compute.fake import FakeBackend, Script
from emulator.compute.fake_files import FakeFiles
from emulator.domain.cluster import ClusterSpec, FileState
from emulator.domain.failure_reason import JobFailure
from emulator.domain.progress import Placement
from emulator.domain.s3_fault import S3Fault
from emulator.domain.s3_uri import S3Uri
from emulator.domain.status import SecondaryStatus
from emulator.domain.sync_directory import sync_directories
from emulator.domain.training_job import TrainingJob
from emulator.embedded_s3.server import EmbeddedS3
from emulator.objects.object_store import ObjectStore
from emulator.training.checkpoint_restore import stage_checkpoints
from emulator.training.directory_sync import finish_sync, sync_until
from emulator.training.host_sync import HostSync
from emulator.training.parts import TrainingParts
from emulator.training.plan import cluster_name, compile_cluster
from emulator.training.volume import volume_sizes
from tests.contract.test_object_store import listed
from tests.support.builders import a_progress, a_training_job, instances
from tests.unit.training.test_plan import MACHINE, POLICY, place

ENDLESS = Script(after=math.inf)


@dataclass
class World:
    job: TrainingJob
    parts: TrainingParts
    compute: FakeBackend
    objects: ObjectStore

    async def launch(self) -> None:
        """Restore, create, start."""
        self.parts.work_dir(self.job).mkdir(parents=True, exist_ok=True)
        await stage_checkpoints(self.job, self.parts)
        hosts = self.job.request.resource_config.hosts()
        placement: Placement = place(hosts, POLICY, MACHINE, MACHINE.gpu_ids)
        cluster: ClusterSpec = compile_cluster(self.job, placement)
        await self.compute.prepare(cluster)
        for instance in cluster.instances:
            await self.compute.create(cluster, instance, self.parts.work_dir(self.job))
            await self.compute.start(cluster.name, instance.host)

    def sync(self, host: str = "algo-1") -> HostSync:
        """As a new emulator has it."""
        volume = volume_sizes(self.job.request.resource_config)[host]
        return HostSync(
            sync_directories(self.job.request)[0], cluster_name(self.job), host, volume, self.parts
        )

    def files(self, host: str = "algo-1") -> FakeFiles:
        return self.compute.files(host)

    async def keys(self) -> list[str]:
        return [found.key for found in await listed(self.objects.list(S3Uri("bucket", "")))]

    async def put(self, key: str, data: bytes) -> None:
        def write() -> None:
            with self.objects.writer(S3Uri("bucket", key)) as file:
                file.write(data)

        await anyio.to_thread.run_sync(write)

    async def content(self, key: str) -> bytes:
        return await self.objects.read(S3Uri("bucket", key), 1000)


Run = Callable[..., None]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    s3 = EmbeddedS3(tmp_path / "s3", SystemClock(), "us-east-1", "123456789012")
    anyio.run(s3.create_bucket, "bucket", "123456789012", "us-east-1")

    def run(
        case: Callable[[World], Awaitable[None]], hosts: int = 1, objects: Any = None, **members: Any
    ) -> None:
        compute = FakeBackend({"algo-1": ENDLESS, "algo-2": ENDLESS})
        progress = a_progress(SecondaryStatus.DOWNLOADING)
        config = {"CheckpointConfig": {"S3Uri": "s3://bucket/ckpt", "LocalPath": "/state"}, **members}
        job = a_training_job("job", progress, ResourceConfig=instances(hosts), **config)
        parts = SimpleNamespace(
            work_root=tmp_path / "work",
            work_dir=lambda job: tmp_path / "work" / cluster_name(job),
            compute=compute,
            objects=objects(s3.objects) if objects else s3.objects,
            disk=CapacityLimiter(4),
            syncs=CapacityLimiter(4),
        )
        world = World(job, cast(TrainingParts, parts), compute, s3.objects)

        async def whole() -> None:
            await case(world)

        anyio.run(whole)

    yield run
    s3.close()


def test_new_and_changed_files_are_uploaded_once_they_rest(run: Run) -> None:
    async def case(world: World) -> None:
        await world.launch()
        sync = world.sync()
        world.files().write("/state/sub/ü b.pt", b"half", 100)
        assert not await sync.look()
        world.files().write("/state/sub/ü b.pt", b"whole", 101)
        assert not await sync.look()
        assert await world.keys() == []
        assert await sync.look()
        assert await world.keys() == ["ckpt/sub/ü b.pt"]
        assert await world.content("ckpt/sub/ü b.pt") == b"whole"
        assert not await sync.look()
        world.files().write("/state/sub/ü b.pt", b"again", 102)
        await sync.look()
        await sync.look()
        assert await world.content("ckpt/sub/ü b.pt") == b"again"

    run(case)


def test_markers_lie_beside_what_is_uploaded_and_stay_here(run: Run) -> None:
    async def case(world: World) -> None:
        await world.launch()
        sync = world.sync()
        world.files().write("/state/a", b"1", 100)
        world.files().write("/state/b.sagemaker-ignore", b"1", 100)
        for _ in range(4):
            await sync.look()
        marked = [path for path in world.files().paths() if path.startswith("/state/a")]
        assert marked == ["/state/a", "/state/a.sagemaker-uploaded", "/state/a.sagemaker-uploading"]
        await sync.look(is_final=True)
        assert await world.keys() == ["ckpt/a"]

    run(case)


def test_restored_files_are_on_every_host_and_are_not_uploaded_again(run: Run) -> None:
    async def case(world: World) -> None:
        for key in ("ckpt/a/b", "ckpt/empty", "ckpt/", "ckpt-2/other"):
            await world.put(key, key.encode() if key.endswith("b") else b"")
        await world.launch()
        for host in ("algo-1", "algo-2"):
            assert [p for p in world.files(host).paths() if "/config/" not in p] == [
                "/opt/ml/input/data/checkpoints-manifest",
                "/state/a/b",
                "/state/empty",
            ]
            sync = world.sync(host)
            assert [await sync.look(), await sync.look(is_final=True)] == [False, False]

    run(case, hosts=2)


def test_only_what_this_host_had_is_deleted_from_s3(run: Run) -> None:
    async def case(world: World) -> None:
        await world.put("ckpt/restored", b"1")
        await world.launch()
        await world.put("ckpt/foreign", b"1")
        first, second = world.sync("algo-1"), world.sync("algo-2")
        world.files("algo-1").write("/state/mine", b"1", 100)
        world.files("algo-2").write("/state/other", b"2", 100)
        for _ in range(2):
            await first.look()
            await second.look()
        assert await world.keys() == ["ckpt/foreign", "ckpt/mine", "ckpt/other", "ckpt/restored"]
        world.files("algo-1").remove("/state/mine")
        world.files("algo-1").remove("/state/restored")
        await first.look()
        await second.look()
        assert await world.keys() == ["ckpt/foreign", "ckpt/other"]

    run(case, hosts=2)


def test_a_new_emulator_goes_on_where_the_last_one_was(run: Run) -> None:
    class Counting:
        """Counts what is written."""

        written: list[str] = []  # noqa: RUF012

        def __init__(self, objects: ObjectStore) -> None:
            self._objects = objects

        def __getattr__(self, name: str) -> Any:
            return getattr(self._objects, name)

        def writer(self, target: S3Uri) -> Any:
            self.written.append(target.key)
            return self._objects.writer(target)

    async def case(world: World) -> None:
        await world.launch()
        before = world.sync()
        world.files().write("/state/kept", b"1", 100)
        world.files().write("/state/removed", b"1", 100)
        await before.look()
        await before.look()
        assert sorted(Counting.written) == ["ckpt/kept", "ckpt/removed"]
        world.files().remove("/state/removed")
        world.files().write("/state/new", b"1", 100)
        after = world.sync()
        await after.look()
        await after.look()
        assert await world.keys() == ["ckpt/kept", "ckpt/new"]
        assert Counting.written[2:] == ["ckpt/new"]

    run(case, objects=Counting)


def test_a_fault_of_s3_keeps_nothing_else_back_and_is_made_good_later(run: Run) -> None:
    class Broken:
        is_broken = True

        def __init__(self, objects: ObjectStore) -> None:
            self._objects = objects

        def __getattr__(self, name: str) -> Any:
            return getattr(self._objects, name)

        @contextmanager
        def writer(self, target: S3Uri) -> Iterator[Any]:
            if Broken.is_broken and target.key.endswith("bad"):
                raise S3Fault("SlowDown", "Reduce your request rate.")
            with self._objects.writer(target) as file:
                yield file

    async def case(world: World) -> None:
        await world.launch()
        sync = world.sync()
        for name in ("bad", "good"):
            world.files().write(f"/state/{name}", b"1", 100)
        await sync.look()
        with pytest.raises(S3Fault, match="SlowDown"):
            await sync.look()
        assert await world.keys() == ["ckpt/good"]
        with pytest.raises(JobFailure) as failure:
            await finish_sync(world.job, world.parts)
        assert failure.value.reason == (
            "ClientError: Artifact upload failed:SlowDown: Reduce your request rate. (s3://bucket/ckpt)"
        )
        Broken.is_broken = False
        await finish_sync(world.job, world.parts)
        assert await world.keys() == ["ckpt/bad", "ckpt/good"]

    run(case, objects=Broken)


def test_a_file_that_changes_while_it_is_read_is_not_uploaded(run: Run) -> None:
    async def case(world: World) -> None:
        await world.launch()
        sync = world.sync()
        world.files().write("/state/a", b"old", 100)
        await sync.look()
        real = world.compute.list_files

        async def list_files(*where: Any) -> Any:
            found = await real(*where)
            if len(where) == 4:  # the look after the reading
                return {name: FileState(state.size, state.mtime + 1) for name, state in found.items()}
            return found

        world.compute.list_files = list_files  # type: ignore[method-assign]
        await sync.look()
        assert await world.keys() == []
        world.compute.list_files = real  # type: ignore[method-assign]
        await sync.look()
        assert await world.keys() == ["ckpt/a"]

    run(case)


def test_files_that_say_they_are_larger_than_the_volume_are_not_read(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeFiles, "states", lambda *_: {"sparse": FileState(2**40, 7)})

    async def case(world: World) -> None:
        await world.launch()
        reasons: list[str] = []

        async def until_told() -> None:
            while not reasons:
                await anyio.sleep(0.01)

        with anyio.fail_after(60):
            await sync_until(until_told, reasons.append, world.job, world.parts)
        with pytest.raises(JobFailure) as raised:
            await finish_sync(world.job, world.parts)
        assert raised.value.reason == reasons[0]
        assert reasons[0].startswith(
            "ClientError: Insufficient disk space: algo-1 uses 1024.00 GiB of a storage volume"
        )
        assert await world.keys() == []

    run(case)


def test_a_key_that_would_leave_the_directory_fails_the_job(run: Run) -> None:
    async def case(world: World) -> None:
        await world.put("ckpt/../../etc/passwd", b"x")
        with pytest.raises(
            JobFailure, match=r"Data download failed:channel checkpoints: the key .* would leave"
        ):
            await world.launch()

    run(case)


def test_the_whole_bucket_may_be_the_folder(run: Run) -> None:
    async def case(world: World) -> None:
        await world.put("a", b"1")
        await world.launch()
        assert "/state/a" in world.files().paths()
        world.files().write("/state/b", b"2", 100)
        await finish_sync(world.job, world.parts)
        assert await world.keys() == ["a", "b"]

    run(case, CheckpointConfig={"S3Uri": "s3://bucket", "LocalPath": "/state"})


def test_a_channel_named_checkpoints_keeps_its_manifest(run: Run) -> None:
    async def case(world: World) -> None:
        instance = world.job.request.input_data_config[0]
        assert instance.channel_name == "checkpoints"
        cluster = compile_cluster(
            world.job, place(world.job.request.resource_config.hosts(), POLICY, MACHINE, MACHINE.gpu_ids)
        )
        assert [tree.target for tree in cluster.instances[0].trees] == ["/state"]

    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/data"}}
    run(case, InputDataConfig=[{"ChannelName": "checkpoints", "DataSource": source}])


def test_the_debuggers_output_ends_with_its_mark_where_there_is_any(run: Run) -> None:
    async def case(world: World) -> None:
        await world.launch()
        await finish_sync(world.job, world.parts)
        assert await world.keys() == []
        world.files().write("/opt/ml/output/tensors/events/000", b"t", 100)
        await finish_sync(world.job, world.parts)
        assert await world.keys() == [
            "d/job/debug-output/events/000",
            "d/job/debug-output/training_job_end.ts",
        ]

    run(case, CheckpointConfig=None, DebugHookConfig={"S3OutputPath": "s3://bucket/d"})
