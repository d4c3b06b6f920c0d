"""InputView against a scripted Engine; what the real one does is told by tests/contract/test_compute_backend.py."""

from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from docker.errors import APIError

from emulator.compute.docker_input import InputView
from emulator.compute.docker_request import cluster_labels
from emulator.compute.engine_paths import EnginePaths
from emulator.domain.cluster import InstanceSpec, LayeredView, Limits

LABELS = cluster_labels("abcd", "job-1")
REFUSAL = APIError("error while mounting volume: failed to mount local volume: invalid argument")


class ScriptedEngine:
    """Notes every call; refuses to create containers with an overlay where it is told to."""

    def __init__(self, refusal: Exception | None = None) -> None:
        self.calls: list[str] = []
        self.overlays: list[dict[str, str]] = []
        self._refusal = refusal

    def create_container_from_config(self, config: dict[str, Any], name: str) -> None:
        driver = config["HostConfig"]["Mounts"][0]["VolumeOptions"].get("DriverConfig")
        self.calls.append(f"create {name} of {config['Image']}" + (" with overlay" if driver else ""))
        if driver:
            self.overlays.append(driver["Options"])
            if self._refusal is not None:
                raise self._refusal

    def create_volume(self, name: str, labels: dict[str, str]) -> dict[str, str]:
        self.calls.append(f"volume {name}")
        assert labels == LABELS
        return {"Mountpoint": f"/engine/{name}"}

    def put_archive(self, name: str, path: str, data: Any) -> None:
        self.calls.append(f"put {path}")

    def remove_container(self, name: str, v: bool, force: bool) -> None:
        self.calls.append(f"remove {name}")

    def remove_volume(self, name: str, force: bool) -> None:
        self.calls.append(f"remove volume {name}")


def an_instance(*layers: str) -> InstanceSpec:
    return InstanceSpec(
        host="algo-1",
        image="asked-for",
        entrypoint=None,
        arguments=("train",),
        environment={},
        directories=("/opt/ml/model",),
        files={"/f": "x"},
        views=(LayeredView("/opt/ml/input", layers),) if layers else (),
        limits=Limits(memory_bytes=2**30, cpus=1, shm_bytes=2**29),
    )


def create(view: InputView, work_dir: Path, *layers: str) -> None:
    view.create_container("job-1", an_instance(*layers), "found:1", LABELS, work_dir)


@pytest.mark.parametrize("mode", ["auto", "overlay"])
def test_input_view_shows_the_layers_through_an_overlay(mode: Any) -> None:
    engine = ScriptedEngine()
    paths = EnginePaths([(PurePosixPath("/data"), PurePosixPath("/on/engine"))])

    create(InputView(engine, mode, paths), Path("/data/work"), "host-algo-1", "shared")  # type: ignore[arg-type]

    assert engine.calls == [
        "volume sagemaker-job-1-algo-1-input-changes",
        "volume sagemaker-job-1-algo-1-input-work",
        "create sagemaker-job-1-algo-1 of found:1 with overlay",
        "put /",
    ]
    assert engine.overlays[0]["o"] == (
        "lowerdir=/on/engine/work/host-algo-1:/on/engine/work/shared,"
        "upperdir=/engine/sagemaker-job-1-algo-1-input-changes,workdir=/engine/sagemaker-job-1-algo-1-input-work"
    )


def test_input_view_without_layers_needs_neither_overlay_nor_copy(tmp_path: Path) -> None:
    engine = ScriptedEngine()

    create(InputView(engine, "auto", EnginePaths()), tmp_path)  # type: ignore[arg-type]

    assert engine.calls == ["create sagemaker-job-1-algo-1 of found:1", "put /"]


def test_input_view_copies_where_it_is_told_to(tmp_path: Path) -> None:
    engine = ScriptedEngine()

    create(InputView(engine, "copy", EnginePaths()), tmp_path, "shared")  # type: ignore[arg-type]

    assert engine.calls == ["create sagemaker-job-1-algo-1 of found:1", "put /", "put /"]


@pytest.mark.parametrize("directory", ["plain", "with,comma"])
def test_input_view_copies_from_the_first_refusal_on(tmp_path: Path, directory: str) -> None:
    engine = ScriptedEngine(REFUSAL)
    view = InputView(engine, "auto", EnginePaths())  # type: ignore[arg-type]

    create(view, tmp_path / directory, "shared")
    first = list(engine.calls)
    create(view, tmp_path / directory, "shared")

    assert first[-5:] == [
        "remove sagemaker-job-1-algo-1",
        "remove volume sagemaker-job-1-algo-1-input",
        "create sagemaker-job-1-algo-1 of found:1",
        "put /",
        "put /",
    ]
    assert engine.calls[len(first) :] == first[-3:]


def test_input_view_hands_on_the_refusal_where_only_an_overlay_will_do(tmp_path: Path) -> None:
    view = InputView(ScriptedEngine(REFUSAL), "overlay", EnginePaths())  # type: ignore[arg-type]

    with pytest.raises(APIError, match="failed to mount"):
        create(view, tmp_path, "shared")


def test_input_view_hands_on_what_is_no_refusal_of_the_mount(tmp_path: Path) -> None:
    engine = ScriptedEngine(APIError("No such image: found:1"))

    with pytest.raises(APIError, match="No such image"):
        create(InputView(engine, "auto", EnginePaths()), tmp_path, "shared")  # type: ignore[arg-type]

    assert not [call for call in engine.calls if call.startswith(("remove", "put"))]
