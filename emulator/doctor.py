"""`sagemaker-emulator doctor`: is there everything that training needs? One line for each thing."""

import shutil
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from docker import DockerClient, from_env
from docker.errors import APIError, DockerException

from emulator.fast_file import FastFileError, FastFileMount, availability
from emulator.settings import MemorySize, Settings

LITTLE_DISK = 5 * 2**30
PROBE_LIMIT = 64 * 2**20


@dataclass(frozen=True)
class Finding:
    subject: str
    text: str
    is_fault: bool = False
    """Training cannot work."""
    advice: str = ""


def examine(settings: Settings) -> int:
    """Print all findings. Returns 1 where a fault prevents training."""
    prevented = False
    for finding in [
        *check_docker(settings),
        check_disk(settings),
        check_fast_file(settings),
        check_s3(settings),
        check_registry(settings),
    ]:
        mark = "FAULT" if finding.is_fault else "note " if finding.advice else "ok   "
        advice = f" {finding.advice}" if finding.advice else ""
        print(f"{mark} {finding.subject}: {finding.text}{advice}")  # noqa: T201 - the command's output
        prevented = prevented or finding.is_fault
    return 1 if prevented else 0


def check_docker(settings: Settings) -> list[Finding]:
    try:
        with closing(from_env()) as client:
            info = client.info()
            limits = check_memory_limits(
                client, bool(info["MemoryLimit"]), str(info.get("CgroupVersion", "1"))
            )
            return [describe_engine(settings, client.api.base_url, info), limits]
    except (DockerException, OSError) as error:
        advice = "Start Docker, or set DOCKER_HOST."
        return [Finding("docker", f"no Engine answers ({error}).", True, advice)]


def describe_engine(settings: Settings, address: str, info: dict[str, Any]) -> Finding:
    budget = MemorySize(settings.memory_budget).of(info["MemTotal"])
    text = (
        f"Engine {info['ServerVersion']} at {address}, {info['NCPU']} CPUs, "
        f"{info['MemTotal'] / 2**30:.1f} GiB, {budget / 2**30:.1f} GiB of it for training jobs."
    )
    return Finding("docker", text)


def check_memory_limits(client: DockerClient, announced: bool, cgroup: str) -> Finding:
    """What the Engine announces, and what a real container of any local image gets."""
    text = f"cgroup v{cgroup}"
    if not announced:
        advice = "Enable the memory controller (kernel option cgroup_enable=memory)."
        return Finding("memory limits", f"{text}, not supported by the Engine.", True, advice)
    measured = measure_limit(client)
    if measured is None:
        return Finding("memory limits", f"{text}, announced by the Engine; no local image to try them with.")
    if measured != PROBE_LIMIT:
        advice = (
            "Check that the Engine may use the memory cgroup (rootless Engines need cgroup v2 delegation)."
        )
        return Finding("memory limits", f"{text}, a container's limit of 64 MiB had no effect.", True, advice)
    return Finding("memory limits", f"{text}, enforced (tried with a container of 64 MiB).")


def measure_limit(client: DockerClient) -> int | None:
    """Bytes that the kernel grants to a probe container; None where no local image could run one."""
    for image in client.api.images(quiet=True)[:20]:
        with suppress(APIError):
            container = client.containers.create(
                image, entrypoint=["sleep", "30"], command=[], mem_limit=PROBE_LIMIT, network_mode="none"
            )
            try:
                container.start()
                stats = container.stats(stream=False)
                return int(stats["memory_stats"]["limit"]) if isinstance(stats, dict) else None
            finally:
                container.remove(force=True, v=True)
    return None


def check_disk(settings: Settings) -> Finding:
    existing = next(
        path for path in [settings.data_dir, *settings.data_dir.absolute().parents] if path.exists()
    )
    try:
        free = shutil.disk_usage(existing).free
        probe = existing / ".sagemaker-emulator-doctor"
        _write(probe)
    except OSError as error:
        return Finding(
            "disk", f"{existing} cannot be written ({error.strerror}).", True, "Choose another --data-dir."
        )
    advice = "" if free > LITTLE_DISK else "Input, artifacts and logs are kept there; make room."
    return Finding("disk", f"{settings.data_dir} has {free / 2**30:.1f} GiB free.", advice=advice)


def check_fast_file(settings: Settings) -> Finding:
    """Whether FastFile channels are lazy, tried with a mount in the temporary directory."""
    reason = availability(settings.data_dir.absolute())
    if reason is None:
        with TemporaryDirectory() as directory:
            reason = _try_mount(Path(directory))
    if reason is None:
        return Finding("fast file", "lazy: bytes are fetched at the first read (tried with a mount).")
    text = "copied: FastFile channels are downloaded before training, as in File mode."
    return Finding("fast file", text, advice=f"For the lazy view: {reason}")


def _try_mount(directory: Path) -> str | None:
    mount = FastFileMount(directory, {}, lambda _source, _offset, _length: b"")
    try:
        mount.mount()
    except FastFileError as error:
        return str(error)
    mount.close()
    return None


def _write(probe: Path) -> None:
    probe.touch()
    probe.unlink()


def check_s3(settings: Settings) -> Finding:
    if settings.s3_endpoint_url is None:
        return Finding("s3", "embedded.")
    return _check_url("s3", settings.s3_endpoint_url, is_fault=True)


def check_registry(settings: Settings) -> Finding:
    if settings.registry is None:
        return _check_own_registry(settings)
    url = settings.registry_url or f"http://{settings.registry}"
    return _check_url("registry", f"{url.rstrip('/')}/v2/", is_fault=False)


def _check_own_registry(settings: Settings) -> Finding:
    program = shutil.which("docker-registry")
    if program is not None:
        return Finding("registry", f"the emulator's own, from {program}.")
    text = f"docker-registry is not installed, so ECR needs the image {settings.registry_image}."
    return Finding("registry", text, advice="Install it, or pull the image on the Docker Engine.")


def _check_url(
    subject: str, url: str, is_fault: bool, get: Callable[[str], httpx.Response] = httpx.get
) -> Finding:
    try:
        get(url)
    except httpx.HTTPError as error:
        return Finding(
            subject, f"{url} does not answer ({error}).", is_fault, "Start it, or correct the setting."
        )
    return Finding(subject, f"{url} answers.")
