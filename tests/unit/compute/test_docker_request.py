from dataclasses import replace
from typing import Any

import pytest

from emulator.compute.docker_request import (
    cluster_labels,
    container_name,
    container_request,
    network_name,
    overlay_options,
    volume_name,
)
from emulator.domain.cluster import InstanceSpec, LayeredView, Limits, Mount

LABELS = cluster_labels("abcd", "job-1")
INSTANCE = InstanceSpec(
    host="algo-2",
    image="algorithm:1",
    entrypoint=None,
    arguments=("train",),
    environment={"A": "b=c", "EMPTY": ""},
    directories=(),
    files={},
    views=(),
    limits=Limits(memory_bytes=2**30, cpus=2, shm_bytes=2**29),
)


def volume(role: str, target: str, **more: Any) -> dict[str, Any]:
    return {
        "Type": "volume",
        "Source": f"sagemaker-job-1-algo-2-{role}",
        "Target": target,
        "VolumeOptions": {"NoCopy": True, "Labels": LABELS, **more},
    }


@pytest.mark.parametrize(
    ("host", "hostname", "expected"),
    [("algo-2", None, "algo-2"), ("Main-1", "scorer", "scorer"), (f"{'v' * 63}-1", None, "v" * 63)],
)
def test_hostname_is_the_wished_one_and_no_longer_than_linux_takes(
    host: str, hostname: str | None, expected: str
) -> None:
    instance = replace(INSTANCE, host=host, hostname=hostname)
    assert container_request("job-1", instance, LABELS, {})["Hostname"] == expected


def test_container_request_is_the_golden_one() -> None:
    assert container_request("job-1", INSTANCE, LABELS, {}) == {
        "Image": "algorithm:1",
        "Cmd": ["train"],
        "Env": ["A=b=c", "EMPTY="],
        "Hostname": "algo-2",
        "Labels": {
            "sagemaker-emulator.installation": "abcd",
            "sagemaker-emulator.cluster": "job-1",
            "sagemaker-emulator.host": "algo-2",
        },
        "HostConfig": {
            "Memory": 2**30,
            "MemorySwap": 2**30,
            "NanoCpus": 2_000_000_000,
            "ShmSize": 2**29,
            "PidsLimit": 32_768,
            "NetworkMode": "sagemaker-job-1",
            "LogConfig": {"Type": "json-file", "Config": {}},
            "Mounts": [
                volume("input", "/opt/ml/input"),
                volume("model", "/opt/ml/model"),
                volume("data", "/opt/ml/output/data"),
            ],
        },
        "NetworkingConfig": {"EndpointsConfig": {"sagemaker-job-1": {"Aliases": ["algo-2"]}}},
    }


def test_container_request_keeps_the_image_s_entrypoint_unless_told() -> None:
    told = replace(INSTANCE, entrypoint=("python3", "a.py"), arguments=())

    request = container_request("job-1", told, LABELS, {})

    assert (request["Entrypoint"], request["Cmd"]) == (["python3", "a.py"], [])
    assert "Entrypoint" not in container_request("job-1", INSTANCE, LABELS, {})


def test_container_request_injects_no_init_and_no_terminal() -> None:
    request = container_request("job-1", INSTANCE, LABELS, {})

    assert not {"Tty", "OpenStdin", "User", "WorkingDir"} & request.keys()
    assert not {"Init", "Privileged", "Binds", "AutoRemove", "RestartPolicy"} & request["HostConfig"].keys()


def test_container_request_asks_for_the_gpus_by_id() -> None:
    limits = replace(INSTANCE.limits, gpu_ids=("0", "3"))

    host_config = container_request("job-1", replace(INSTANCE, limits=limits), LABELS, {})["HostConfig"]

    assert host_config["DeviceRequests"] == [
        {"Driver": "nvidia", "DeviceIDs": ["0", "3"], "Capabilities": [["gpu"]]}
    ]


def test_container_request_mounts_the_overlay_at_the_input_alone() -> None:
    options = overlay_options(["/a"], "/u", "/w")

    mounts = container_request("job-1", INSTANCE, LABELS, {"/opt/ml/input": options})["HostConfig"]["Mounts"]

    assert mounts[0] == volume("input", "/opt/ml/input", DriverConfig={"Name": "local", "Options": options})
    assert mounts[1:] == [volume("model", "/opt/ml/model"), volume("data", "/opt/ml/output/data")]


def test_container_request_has_a_volume_for_every_view_below_the_input_and_binds_the_mounts() -> None:
    views = (LayeredView("/opt/ml/input/data/a", ("x",)), LayeredView("/opt/ml/input/data/b", ("y",)))
    instance = replace(INSTANCE, views=views, mounts=(Mount("/pipes", "/opt/ml/input/data", True),))
    overlays = {"/opt/ml/input/data/b": overlay_options(["/y"], "/u", "/w")}

    mounts = container_request("job-1", instance, LABELS, overlays)["HostConfig"]["Mounts"]

    assert {mount["Target"]: "DriverConfig" in mount.get("VolumeOptions", {}) for mount in mounts[-3:]} == {
        "/opt/ml/input/data/a": False,
        "/opt/ml/input/data/b": True,
        "/opt/ml/input/data": False,
    }
    assert mounts[-1] == {
        "Type": "bind",
        "Source": "/pipes",
        "Target": "/opt/ml/input/data",
        "ReadOnly": True,
    }
    assert len({mount["Source"] for mount in mounts}) == len(mounts)


def test_names_derive_from_cluster_and_host() -> None:
    assert network_name("job-1") == "sagemaker-job-1"
    assert container_name("job-1", "algo-2") == "sagemaker-job-1-algo-2"
    assert volume_name("job-1", "algo-2", "work") == "sagemaker-job-1-algo-2-work"


def test_overlay_options_put_the_first_directory_on_top() -> None:
    assert overlay_options(["/data/a", "/data/b"], "/up per", "/work") == {
        "type": "overlay",
        "device": "overlay",
        "o": "lowerdir=/data/a:/data/b,upperdir=/up per,workdir=/work",
    }


@pytest.mark.parametrize("path", ["/with,comma", "/with:colon", "/with\\backslash"])
def test_overlay_options_refuse_what_the_engine_would_take_apart(path: str) -> None:
    with pytest.raises(ValueError, match="a comma, a colon or a backslash"):
        overlay_options(["/fine", path], "/u", "/w")


@pytest.mark.parametrize("name", ["x" * 3_990, "é" * 1_990])
def test_overlay_options_refuse_what_the_kernel_would_cut_off(name: str) -> None:
    """mount(2) takes one page of options, 4,096 bytes."""
    with pytest.raises(ValueError, match="too long"):
        overlay_options([f"/{name}"], "/upper", "/work")


def test_overlay_options_take_nearly_a_page() -> None:
    assert len(overlay_options(["/" + "x" * 3_900], "/u", "/w")["o"]) > 3_900
