from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from docker import APIClient
from docker.errors import APIError, NotFound

from emulator.compute.docker_sidecar import Sidecars, sidecar_request
from emulator.compute.engine_paths import EnginePaths
from emulator.compute.own_container import OwnContainer
from emulator.domain.failure_reason import JobFailure

LABELS = {
    "sagemaker-emulator.installation": "i1",
    "sagemaker-emulator.cluster": "endpoint_x-1",
    "sagemaker-emulator.host": "AllTraffic-1",
}


def serving(is_running: bool = True) -> dict[str, Any]:
    """The model's container, as the Engine describes it."""
    return {"Id": "abc", "Config": {"Labels": LABELS}, "State": {"Running": is_running}}


def sidecars(api: Mock, root: Path) -> Sidecars:
    return Sidecars(api, Mock(spec=OwnContainer, image="sha256:1"), EnginePaths(), root)


def test_request_shares_the_network_and_has_no_power() -> None:
    request = sidecar_request("sha256:1", serving(), "/there")
    host_config = request["HostConfig"]
    assert host_config["NetworkMode"] == "container:abc"
    assert host_config["Mounts"] == [{"Type": "bind", "Source": "/there", "Target": "/run/sidecar"}]
    assert host_config["CapDrop"] == ["ALL"]
    assert host_config["ReadonlyRootfs"]
    assert host_config["SecurityOpt"] == ["no-new-privileges"]


def test_labels_make_it_go_with_its_cluster_and_no_instance_of_its_own() -> None:
    assert sidecar_request("sha256:1", serving(), "/there")["Labels"] == {
        "sagemaker-emulator.installation": "i1",
        "sagemaker-emulator.cluster": "endpoint_x-1",
        "sagemaker-emulator.sidecar": "AllTraffic-1",
    }


@pytest.mark.parametrize(
    ("is_running", "error", "text"),
    [
        (True, ConnectionError, "a container of the emulator's own image beside .* no such image"),
        (False, JobFailure, "the container of AllTraffic-1 is gone"),
    ],
)
def test_what_the_engine_refuses_is_told(
    tmp_path: Path, is_running: bool, error: type[Exception], text: str
) -> None:
    api = Mock(spec=APIClient)
    api.inspect_container.side_effect = [NotFound("gone"), serving(is_running)]
    api.create_container_from_config = Mock(side_effect=APIError("no such image"))
    with pytest.raises(error, match=text):
        sidecars(api, tmp_path).door(serving(), 8080)


def test_sidecar_that_ends_at_once_is_told_with_its_last_words(tmp_path: Path) -> None:
    api = Mock(spec=APIClient)
    api.create_container_from_config = Mock()
    api.inspect_container.side_effect = [NotFound("gone"), serving(is_running=False)]
    api.logs.return_value = b"No module named emulator\n"
    with pytest.raises(ConnectionError, match=r"it does not run\. No module named emulator"):
        sidecars(api, tmp_path).door(serving(), 8080)


def test_directories_go_with_the_cluster(tmp_path: Path) -> None:
    (tmp_path / "endpoint_x-1" / "AllTraffic-1").mkdir(parents=True)
    sidecars(Mock(spec=APIClient), tmp_path).close("endpoint_x-1")
    sidecars(Mock(spec=APIClient), tmp_path).close("endpoint_x-1")
    assert list(tmp_path.iterdir()) == []
