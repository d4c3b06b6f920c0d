"""Settings, read here and nowhere else: environment variables that begin with SAGEMAKER_EMULATOR_."""

import os
import re
from collections.abc import Mapping
from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, Literal

from platformdirs import user_data_path
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from emulator.domain.interruption_schedule import InterruptionSchedule
from emulator.domain.misfit import Misfit

PREFIX = "SAGEMAKER_EMULATOR_"
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(%|[KMGT]i?B?|B)?", re.IGNORECASE)
_POWERS = {"B": 0, "K": 1, "M": 2, "G": 3, "T": 4}


class MemorySize:
    """`80%` of something, or a fixed size such as `12GiB` or a number of bytes."""

    def __init__(self, text: str) -> None:
        match = _SIZE.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"{text!r} is no size; write for example 80%, 12GiB or a number of bytes.")
        number, unit = float(match[1]), (match[2] or "B").upper()
        self.fraction = number / 100 if unit == "%" else None
        self.bytes = int(number * 1024 ** _POWERS.get(unit[0], 0))

    def of(self, total: int) -> int:
        """Bytes, where a percentage is of `total` bytes."""
        return self.bytes if self.fraction is None else int(total * self.fraction)


class Settings(BaseSettings):
    """Every field is an environment variable with the prefix; the descriptions make docs/settings.md."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True)

    host: Annotated[
        str, Field(description="Address to listen on. Anybody who reaches it can run containers.")
    ] = "127.0.0.1"
    allowed_hosts: Annotated[
        tuple[str, ...] | None,
        NoDecode,
        Field(
            description="Further names by which callers may reach the emulator, comma-separated: `ml.lan, .svc.local`, "
            "where a leading dot stands for all names that end so. Names without a dot need it only where HOST is "
            "a loopback address; IP addresses, localhost and HOST itself never do."
        ),
    ] = None
    port: Annotated[int, Field(ge=0, le=65535, description="Port for everything; 0 takes a free one.")] = 4567
    data_dir: Annotated[
        Path,
        Field(
            description="Where jobs, logs and the embedded S3 are kept; by default the user's data directory."
        ),
    ] = Field(default_factory=lambda: user_data_path("sagemaker-training-emulator"))
    region: Annotated[str, Field(description="Region of requests that are not signed.")] = "us-east-1"
    account_id: Annotated[
        str, Field(pattern=r"^\d{12}$", description="Account of access keys that are not 12 digits.")
    ] = "123456789012"
    strict_roles: Annotated[
        bool,
        Field(
            description="Whether a role must exist and trust sagemaker.amazonaws.com, as on AWS; else any is accepted."
        ),
    ] = False
    s3_endpoint_url: Annotated[
        str | None,
        Field(description="An external S3 such as http://127.0.0.1:9000; without it the embedded S3 serves."),
    ] = None
    s3_access_key: Annotated[str | None, Field(description="Access key for the external S3.")] = None
    s3_secret_key: Annotated[SecretStr | None, Field(description="Secret key for the external S3.")] = None
    published_port: Annotated[
        int | None,
        Field(ge=1, le=65535, description="Port by which callers reach PORT, where that is another one."),
    ] = None
    registry: Annotated[
        str | None,
        Field(
            description="A registry that stands in for ECR, as host:port that the Docker Engine reaches; "
            "without it the emulator starts one. An emulator in a container needs it."
        ),
    ] = None
    registry_url: Annotated[
        str | None, Field(description="How the emulator itself reaches REGISTRY; by default http://REGISTRY.")
    ] = None
    registry_image: Annotated[
        str,
        Field(description="Image of the emulator's own registry, where docker-registry is not installed."),
    ] = "registry:2.8.3"
    image_aliases: Annotated[
        Path | None,
        Field(description="YAML file of images that stand in for others: lines of 'repository:tag': image."),
    ] = None
    offline: Annotated[bool, Field(description="Never pull an image, except from the local registry.")] = (
        False
    )
    memory_budget: Annotated[
        str,
        Field(
            description="Memory for all jobs together: a share of what Docker reports, or a size such as 12GiB."
        ),
    ] = "80%"
    memory_policy: Annotated[
        Misfit,
        Field(
            description="For a job larger than the budget: `scale` shrinks its limits, `strict` fails it as AWS does."
        ),
    ] = Misfit.SCALE
    reserved_memory: Annotated[
        str,
        Field(
            description="Fixed part of what an instance keeps for its own processes; AWS publishes no figure."
        ),
    ] = "512MiB"
    reserved_memory_percent: Annotated[
        float,
        Field(ge=0, lt=100, description="Percentage of the nominal memory that is reserved on top of it."),
    ] = 7.0
    gpu_policy: Annotated[
        Misfit, Field(description="For a job that wants more GPUs than there are: `scale` or `strict`.")
    ] = Misfit.SCALE
    gpu_ids: Annotated[
        tuple[str, ...] | None,
        NoDecode,
        Field(
            description="Ids of the Engine's NVIDIA GPUs, comma-separated; needed where the Engine does not name them."
        ),
    ] = None
    instance_quota: Annotated[
        int,
        Field(
            ge=1,
            description="Most instances of one job, or of one type in an endpoint; AWS calls it a service limit.",
        ),
    ] = 100
    network_pool: Annotated[
        IPv4Network, Field(description="Range from which every job's network takes its subnet.")
    ] = IPv4Network("10.213.0.0/16")
    credentials_address: Annotated[
        bool,
        Field(
            description="Whether containers get their credentials from 169.254.170.2 alone, as on AWS, by a rule of "
            "iptables for each job; needs root on the Docker Engine's machine."
        ),
    ] = False
    input_view: Annotated[
        Literal["auto", "overlay", "copy"],
        Field(
            description="How containers see staged input: shared through overlay mounts, or copied into each."
        ),
    ] = "auto"
    file_systems: Annotated[
        Mapping[str, Path],
        NoDecode,
        Field(
            description="Directories that stand in for EFS and FSx, comma-separated: `fs-0123456789=/srv/data`."
        ),
    ] = {}
    time_scale: Annotated[
        float,
        Field(
            gt=0,
            le=1000,
            allow_inf_nan=False,
            description="Factor on AWS's waiting periods, such as the 120 s between SIGTERM and SIGKILL.",
        ),
    ] = 1.0
    spot_interruptions: Annotated[
        str | None,
        Field(
            description="Interrupts managed spot training by itself: `mean=60,seed=7,most=2` takes the instances away "
            "after 60 s on average, at most twice a job, always at the same moments; without it, only on request."
        ),
    ] = None
    events_url: Annotated[
        str | None,
        Field(
            description="Webhook that gets every training job state change, in the shape of EventBridge's events."
        ),
    ] = None
    init_dir: Annotated[
        Path | None,
        Field(
            description="Start-up directory: `buckets/NAME/` becomes buckets, scripts in `ready.d/` run before `Ready.`"
        ),
    ] = None
    on_shutdown: Annotated[
        Literal["leave", "stop"],
        Field(
            description="What happens to running containers: `leave` them for the next start, or `stop` them."
        ),
    ] = "leave"

    @property
    def interruption_schedule(self) -> InterruptionSchedule | None:
        return InterruptionSchedule.parse(self.spot_interruptions) if self.spot_interruptions else None

    @field_validator("spot_interruptions")
    @classmethod
    def _check_schedule(cls, value: str | None) -> str | None:
        if value is not None:
            InterruptionSchedule.parse(value)
        return value

    @field_validator("gpu_ids", "allowed_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value

    @field_validator("allowed_hosts")
    @classmethod
    def _check_names(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if not all(re.fullmatch(r"\.?[\w-]+(\.[\w-]+)*", name) for name in value or ()):
            raise ValueError("write it as names without ports, such as ml.lan or .svc.local")
        return value and tuple(name.lower() for name in value)

    @field_validator("file_systems", mode="before")
    @classmethod
    def _split_file_systems(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [part.strip().partition("=") for part in value.split(",") if part.strip()]
        if len({name for name, _, _ in pairs}) < len(pairs):
            raise ValueError("every file system can have one directory only")
        return {name.strip(): directory.strip() for name, _, directory in pairs}

    @field_validator("file_systems")
    @classmethod
    def _check_file_systems(cls, value: Mapping[str, Path]) -> Mapping[str, Path]:
        if not all(name.startswith("fs-") and directory.is_absolute() for name, directory in value.items()):
            raise ValueError("write it as fs-0123456789=/absolute/directory")
        return value

    @field_validator("s3_endpoint_url", "registry_url")
    @classmethod
    def _check_url(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"https?://[^/?#\s]+/?", value):
            raise ValueError("write it as http://host:port")
        return value

    @field_validator("events_url")
    @classmethod
    def _check_webhook(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"https?://[^/?#\s]+[^#\s]*", value):
            raise ValueError("write it as http://host:port/path")
        return value

    @field_validator("memory_budget")
    @classmethod
    def _check_budget(cls, value: str) -> str:
        if MemorySize(value).of(2**30) == 0:
            raise ValueError("no job could run without memory")
        return value

    @field_validator("reserved_memory")
    @classmethod
    def _check_reserved(cls, value: str) -> str:
        if MemorySize(value).fraction is not None:
            raise ValueError("give a size here, and a percentage as RESERVED_MEMORY_PERCENT")
        return value


def process_environment() -> dict[str, str]:
    """For child processes: our own environment without what would lead an AWS client elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
