"""Multi-model containers: a directory of models that grows as they are asked for (DG multi-model-endpoints)."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from anyio import from_thread

from emulator.blocking import blocking
from emulator.domain.endpoint import Deployment, Endpoint
from emulator.domain.endpoint_config import ProductionVariant
from emulator.domain.model import ModelRequest
from emulator.domain.s3_fault import S3Fault
from emulator.domain.s3_object import S3Object
from emulator.domain.s3_uri import S3Uri
from emulator.hosting.invocation_errors import model_data_missing
from emulator.hosting.model_archive import ModelArchiveFault, extract_model
from emulator.hosting.model_data import limits_at
from emulator.hosting.parts import HostingParts
from emulator.hosting.plan import MULTI_MODEL, MULTI_MODEL_DIRECTORY, multi_model_directory, variant_cluster
from emulator.hosting.routing import InstanceRoute


async def make_directories(
    parts: HostingParts, cluster: str, hosts: Sequence[str], model: ModelRequest
) -> None:
    """What the containers see as /opt/ml/models."""
    for host, container in zip(hosts, model.pipeline, strict=True):
        if container.is_multi_model:
            directory = parts.work_root / multi_model_directory(cluster, host)
            await blocking(parts.disk, os.makedirs, directory, exist_ok=True)


async def clusters_with_models(parts: HostingParts) -> set[str]:
    """All that have files of multi-model containers, known or not."""
    return {path.name for path in await blocking(parts.disk, lambda: list(_root(parts).glob("*")))}


async def remove_models(parts: HostingParts, cluster: str) -> None:
    await blocking(parts.disk, shutil.rmtree, _root(parts) / cluster, ignore_errors=True)


def _root(parts: HostingParts) -> Path:
    return parts.work_root / MULTI_MODEL_DIRECTORY


def model_files_of(
    parts: HostingParts, endpoint: Endpoint, deployment: Deployment, variant: ProductionVariant
) -> "MultiModelFiles | None":
    [container] = deployment.model(variant).pipeline
    if not container.is_multi_model or container.data_source is None:
        return None
    cluster = variant_cluster(endpoint, deployment.revision, variant.variant_name)
    return MultiModelFiles(parts, cluster, container.data_source.s3_uri)


@dataclass(frozen=True)
class MultiModelFiles:
    """See ModelFiles in routing.py."""

    parts: HostingParts
    cluster: str
    prefix: str
    """ModelDataUrl: TargetModel is the rest of the key."""

    async def load(self, instance: InstanceRoute, target_model: str) -> str:
        uri = S3Uri.parse(f"{self.prefix.rstrip('/')}/{target_model.lstrip('/')}")
        try:
            found = await self.parts.objects.stat(uri)
        except S3Fault as fault:
            raise model_data_missing(str(uri)) from fault
        directory = self._directory(instance, target_model)
        async with self.parts.model_data.making(directory):
            if not await blocking(self.parts.disk, directory.is_dir):
                await blocking(self.parts.disk, self._extract, found, directory)
        return f"{MULTI_MODEL}/{directory.parent.name}/{directory.name}"

    async def delete(self, instance: InstanceRoute, target_model: str) -> None:
        directory = self._directory(instance, target_model).parent
        await blocking(self.parts.disk, shutil.rmtree, directory, ignore_errors=True)

    def _directory(self, instance: InstanceRoute, target_model: str) -> Path:
        name = sha256(target_model.encode()).hexdigest()[:32]
        return self.parts.work_root / multi_model_directory(self.cluster, instance.host) / name / "model"

    def _extract(self, found: S3Object, directory: Path) -> None:
        url = f"s3://{found.bucket}/{found.key}"
        try:
            with self.parts.objects.reader(found) as stream:
                extract_model(stream, url, directory, limits_at(directory), from_thread.check_cancelled)
        except (S3Fault, ModelArchiveFault) as fault:
            raise model_data_missing(url, str(fault)) from fault
