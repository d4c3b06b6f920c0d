"""The emulator's own registry as a container, for machines without the registry's program."""

import os
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import anyio
import httpx
from docker import APIClient, from_env
from docker.errors import DockerException, ImageNotFound, NotFound

from emulator.blocking import abandonable
from emulator.compute.engine_paths import find_engine_paths, find_own_container
from emulator.domain.ecr import RegistryAddress, RegistryUnavailableError

START_LIMIT = 30
"""Seconds until the registry has to answer, from when its container runs."""

_INSIDE = "/var/lib/registry"
_ENVIRONMENT = {
    "REGISTRY_HTTP_ADDR": "0.0.0.0:5000",
    "REGISTRY_HTTP_RELATIVEURLS": "true",
    "REGISTRY_STORAGE_DELETE_ENABLED": "true",
    "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": _INSIDE,
    "OTEL_TRACES_EXPORTER": "none",
}


@dataclass(frozen=True)
class ContainerOptions:
    installation: str
    """Makes the container's name; the one of a killed emulator is replaced."""
    image: str
    offline: bool
    root: Path
    """Where the registry's data is kept."""


class RegistryContainer:
    """A launcher, see registry/local_registry.py. The data belongs to the user that runs the emulator."""

    def __init__(self, options: ContainerOptions, mountinfo: str = "") -> None:
        self._options = options
        self._own_container = find_own_container(mountinfo)
        self._name = f"sagemaker-emulator-registry-{options.installation}"

    @cached_property
    def _api(self) -> APIClient:
        return from_env().api

    async def start(self) -> RegistryAddress:
        try:
            port = await abandonable(self._start)
        except (DockerException, OSError) as error:
            await self.stop()
            raise RegistryUnavailableError(
                f"the Docker Engine cannot run {self._options.image}: {error}"
            ) from error
        address = RegistryAddress(f"127.0.0.1:{port}", f"http://127.0.0.1:{port}")
        try:
            with anyio.fail_after(START_LIMIT):
                await _until_ready(address.url)
        except TimeoutError:
            await self.stop()
            text = f"the container of {self._options.image} does not answer at {address.url}"
            raise RegistryUnavailableError(text) from None
        return address

    def _start(self) -> int:
        self._ensure_image()
        self._remove()
        self._options.root.mkdir(parents=True, exist_ok=True)
        source = find_engine_paths(self._api, self._own_container).translate(self._options.root)
        host_config = self._api.create_host_config(
            binds=[f"{source}:{_INSIDE}"], port_bindings={5000: ("127.0.0.1", None)}
        )
        self._api.create_container(
            self._options.image,
            name=self._name,
            user=f"{os.getuid()}:{os.getgid()}",
            environment=_ENVIRONMENT,
            ports=[5000],
            host_config=host_config,
        )
        self._api.start(self._name)
        inspected: dict[str, Any] = self._api.inspect_container(self._name)
        return int(inspected["NetworkSettings"]["Ports"]["5000/tcp"][0]["HostPort"])

    def _ensure_image(self) -> None:
        image = self._options.image
        try:
            self._api.inspect_image(image)  # type: ignore[no-untyped-call]
        except ImageNotFound:
            if self._options.offline:
                raise
            self._api.pull(image)

    async def is_running(self) -> bool:
        return await abandonable(self._is_running)

    def _is_running(self) -> bool:
        try:
            return bool(self._api.inspect_container(self._name)["State"]["Running"])
        except (DockerException, OSError):
            return False

    async def stop(self) -> None:
        with suppress(DockerException, OSError):
            await abandonable(self._remove)

    def _remove(self) -> None:
        with suppress(NotFound):
            self._api.remove_container(self._name, v=True, force=True)


async def _until_ready(url: str) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
        while True:
            with suppress(httpx.HTTPError):
                if (await client.get(f"{url}/v2/")).status_code == 200:
                    return
            await anyio.sleep(0.05)
