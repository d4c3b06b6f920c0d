"""What the backend's verbs wait for."""

import threading
from ipaddress import IPv4Network
from pathlib import Path

import anyio
import pytest

from emulator.compute.docker import DockerBackend, DockerOptions
from emulator.domain.cluster import ClusterSpec, InstanceSpec, Limits

MANY = 50


def test_signals_do_not_wait_behind_creations_that_copy_input(monkeypatch: pytest.MonkeyPatch) -> None:
    copied, signalled = threading.Event(), []
    monkeypatch.setattr(DockerBackend, "_ensure_network", lambda *_: None)
    monkeypatch.setattr(DockerBackend, "_create", lambda *_: copied.wait(90))
    monkeypatch.setattr(DockerBackend, "_signal", lambda _, name, signal: signalled.append((name, signal)))
    backend = DockerBackend(DockerOptions("test", IPv4Network("10.250.0.0/16")))
    instance = InstanceSpec("algo-1", "image", None, (), {}, (), {}, (), Limits(2**30, 1, 2**20))
    cluster = ClusterSpec("c", isolated=False, instances=(instance,))

    async def case() -> None:
        async with anyio.create_task_group() as creations:
            for _ in range(MANY):
                creations.start_soon(backend.create, cluster, instance, Path("unused"))
            await anyio.sleep(0.1)
            try:
                with anyio.fail_after(60):
                    await backend.signal(cluster.name, "algo-1", "SIGTERM")
            finally:
                copied.set()

    anyio.run(case)
    assert signalled == [(f"sagemaker-{cluster.name}-algo-1", "SIGTERM")]
