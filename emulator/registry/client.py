"""What ECR's operations need of the distribution API."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any
from urllib.parse import urljoin
from uuid import uuid4

import httpx

from emulator.domain import ecr_errors
from emulator.domain.ecr import RegistryUnavailableError
from emulator.domain.image_name import ImageName
from emulator.registry.local_registry import LocalRegistry

DOCKER = "application/vnd.docker.distribution.manifest"
OCI = "application/vnd.oci.image"
MANIFEST_TYPES = (
    f"{DOCKER}.v2+json",
    f"{DOCKER}.list.v2+json",
    f"{OCI}.manifest.v1+json",
    f"{OCI}.index.v1+json",
)
ACCEPT = {"Accept": ", ".join(MANIFEST_TYPES)}
_DIGEST = "Docker-Content-Digest"


@dataclass(frozen=True)
class Manifest:
    digest: str
    media_type: str
    text: str

    @cached_property
    def document(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self.text)
        return read

    @property
    def children(self) -> list[str]:
        """Digests of the manifests in a list or index."""
        return [str(child["digest"]) for child in self.document.get("manifests", [])]

    @property
    def size(self) -> int:
        """Bytes of layers and configuration, compressed as they are in the registry; 0 for a list."""
        parts = [self.document.get("config", {}), *self.document.get("layers", [])]
        return sum(int(part.get("size", 0)) for part in parts)


class RegistryClient:
    """Every call raises ServiceError where no registry answers. `path` is the repository's name in the registry."""

    def __init__(self, registry: LocalRegistry) -> None:
        self._registry = registry
        self._client = httpx.AsyncClient(timeout=60, trust_env=False)

    async def close(self) -> None:
        await self._client.aclose()

    async def require(self) -> str:
        """The registry's URL; it runs then."""
        try:
            return (await self._registry.start()).url
        except RegistryUnavailableError as error:
            raise ecr_errors.registry_unavailable(str(error)) from error

    async def tags(self, path: str) -> list[str]:
        """Empty for a repository that has never been pushed to."""
        return [tag async for page in self._tag_pages(path) for tag in page]

    async def _tag_pages(self, path: str) -> AsyncIterator[list[str]]:
        url: str | None = f"/v2/{path}/tags/list"
        while url is not None:
            response = await self._send("GET", url)
            if response.status_code == 404:
                return
            yield _checked(response).json()["tags"] or []
            url = response.links.get("next", {}).get("url")

    async def digest(self, path: str, reference: str) -> str | None:
        """Of the manifest that a tag or digest names; None where there is none."""
        if not ImageName.is_reference(reference):
            return None
        response = await self._send("HEAD", f"/v2/{path}/manifests/{reference}", headers=ACCEPT)
        return None if response.status_code == 404 else _checked(response).headers[_DIGEST]

    async def manifest(self, path: str, reference: str) -> Manifest | None:
        if not ImageName.is_reference(reference):
            return None
        response = await self._send("GET", f"/v2/{path}/manifests/{reference}", headers=ACCEPT)
        if response.status_code == 404:
            return None
        headers = _checked(response).headers
        return Manifest(headers[_DIGEST], headers["Content-Type"], response.text)

    async def delete(self, path: str, digest: str) -> None:
        """Delete a manifest with all its tags. No error where it is gone."""
        response = await self._send("DELETE", f"/v2/{path}/manifests/{digest}")
        if response.status_code == 405:
            raise ecr_errors.deletion_is_off()
        if response.status_code != 404:
            _checked(response)

    async def untag(self, path: str, tag: str) -> None:
        """Delete one tag of several. Before version 3 the registry deletes manifests only, with all their tags: so
        the tag is moved to a manifest of its own first."""
        response = await self._send("DELETE", f"/v2/{path}/manifests/{tag}")
        if response.status_code == 202:
            return
        if response.status_code == 405:
            raise ecr_errors.deletion_is_off()
        stand_in = await self._push_stand_in(path, tag)
        await self.delete(path, stand_in)

    async def _push_stand_in(self, path: str, tag: str) -> str:
        config = json.dumps({"architecture": "none", "os": "none", "comment": uuid4().hex}).encode()
        config_digest = f"sha256:{sha256(config).hexdigest()}"
        upload = _checked(await self._send("POST", f"/v2/{path}/blobs/uploads/"))
        location = httpx.URL(upload.headers["Location"]).copy_add_param("digest", config_digest)
        _checked(await self._send("PUT", str(location), content=config))
        media_type = f"{DOCKER}.v2+json"
        part = {"mediaType": "application/vnd.docker.container.image.v1+json", "size": len(config)}
        manifest = {
            "schemaVersion": 2,
            "mediaType": media_type,
            "config": {**part, "digest": config_digest},
            "layers": [],
        }
        body, headers = json.dumps(manifest).encode(), {"Content-Type": media_type}
        pushed = await self._send("PUT", f"/v2/{path}/manifests/{tag}", content=body, headers=headers)
        return str(_checked(pushed).headers[_DIGEST])

    async def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        url = urljoin(await self.require(), path)
        try:
            return await self._client.request(method, url, **options)
        except httpx.HTTPError as error:
            raise ecr_errors.registry_fault(f"{url} does not answer: {error}") from error


def _checked(response: httpx.Response) -> httpx.Response:
    if not response.is_success:
        raise ecr_errors.registry_fault(
            f"{response.url} answered {response.status_code}: {response.text[:500]}"
        )
    return response
