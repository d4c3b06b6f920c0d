"""ECR: images, as the local registry has them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from emulator.domain import ecr_errors
from emulator.domain.ecr import RepositoryKey
from emulator.operations.ecr_pages import next_token, page_start
from emulator.operations.ecr_repositories import find_repository, name_members
from emulator.operations.registry import Call, Params, Result, operation
from emulator.registry.client import Manifest

NOT_FOUND = ("ImageNotFound", "Requested image not found")


@dataclass(frozen=True)
class Image:
    digest: str
    tags: tuple[str, ...] = ()


@operation("ecr", "ListImages")
async def list_images(call: Call, params: Params) -> Result:
    """An entry for each tag, and one for each image without."""
    repository = await find_repository(call, params)
    images = _filtered(await read_images(call, repository.key), params)
    entries = sorted((image.digest, tag) for image in images for tag in image.tags or ("",))
    start, limit = page_start(params), params.get("maxResults", 100)
    named = [(f"{digest} {tag}", _image_id(digest, tag)) for digest, tag in entries]
    left = [(name, image_id) for name, image_id in named if name > start]
    told = [image_id for _, image_id in left[:limit]]
    return {"imageIds": told, **next_token([name for name, _ in left], limit)}


@operation("ecr", "DescribeImages")
async def describe_images(call: Call, params: Params) -> Result:
    key = (await find_repository(call, params)).key
    images = sorted(await read_images(call, key), key=lambda image: image.digest)
    if "imageIds" in params:
        chosen = {_require(key, images, image_id).digest for image_id in params["imageIds"]}
        return {"imageDetails": [await _detail(call, key, one) for one in images if one.digest in chosen]}
    start, limit = page_start(params), params.get("maxResults", 100)
    left = [image for image in _filtered(images, params) if image.digest > start]
    details = [await _detail(call, key, image) for image in left[:limit]]
    return {"imageDetails": details, **next_token([image.digest for image in left], limit)}


@operation("ecr", "BatchGetImage")
async def batch_get_image(call: Call, params: Params) -> Result:
    key = (await find_repository(call, params)).key
    images: list[Result] = []
    failures: list[Result] = []
    for image_id in params["imageIds"]:
        manifest = await _manifest(call, key, image_id)
        if manifest is None:
            failures.append(_failure(image_id))
        else:
            images.append({**name_members(key), **_manifest_members(manifest, image_id)})
    return {"images": images, "failures": failures}


@operation("ecr", "BatchDeleteImage")
async def batch_delete_image(call: Call, params: Params) -> Result:
    """By digest: the image with all its tags. By tag: the tag, and with its last one the image."""
    key = (await find_repository(call, params)).key
    deleted: list[Result] = []
    failures: list[Result] = []
    for image_id in params["imageIds"]:
        image = _find(await read_images(call, key), image_id)
        if image is None:
            failures.append(_failure(image_id))
        else:
            deleted += await _delete(call, key, image, image_id)
    return {"imageIds": deleted, "failures": failures}


async def _delete(call: Call, key: RepositoryKey, image: Image, image_id: Params) -> list[Result]:
    tag = image_id.get("imageTag")
    if "imageDigest" not in image_id and len(image.tags) > 1:
        await call.parts.ecr.registry.untag(key.path, str(tag))
        return [_image_id(image.digest, str(tag))]
    await call.parts.ecr.registry.delete(key.path, image.digest)
    await call.parts.ecr.repositories.forget_push(key, image.digest)
    return [_image_id(image.digest, tag) for tag in image.tags or ("",)]


async def read_images(call: Call, key: RepositoryKey) -> list[Image]:
    """Those with a tag, as the registry tells, and those without that were pushed through the emulator."""
    client, tags = call.parts.ecr.registry, dict[str, list[str]]()
    for tag in await client.tags(key.path):
        digest = await client.digest(key.path, tag)
        if digest is not None:
            tags.setdefault(digest, []).append(tag)
    for digest in await call.parts.ecr.repositories.pushes(key):
        if digest not in tags and await client.digest(key.path, digest) is not None:
            tags[digest] = []
    return [Image(digest, tuple(sorted(of_it))) for digest, of_it in tags.items()]


async def _detail(call: Call, key: RepositoryKey, image: Image) -> Result:
    manifest = await call.parts.ecr.registry.manifest(key.path, image.digest)
    if manifest is None:
        raise ecr_errors.image_missing(key, image.digest, None)
    pushes = await call.parts.ecr.repositories.pushes(key)
    told = {
        **name_members(key),
        "imageDigest": image.digest,
        "imageTags": list(image.tags) or None,
        "imageSizeInBytes": await _size(call, key, manifest),
        "imagePushedAt": pushes.get(image.digest),
        "imageManifestMediaType": manifest.media_type,
        "artifactMediaType": manifest.document.get("config", {}).get("mediaType"),
        "imageStatus": "ACTIVE",
    }
    return {name: value for name, value in told.items() if value is not None}


async def _size(call: Call, key: RepositoryKey, manifest: Manifest) -> int:
    """Bytes; of a list the largest image in it (API ImageDetail$imageSizeInBytes)."""
    children = [await call.parts.ecr.registry.manifest(key.path, digest) for digest in manifest.children]
    return max([manifest.size, *(child.size for child in children if child is not None)])


async def _manifest(call: Call, key: RepositoryKey, image_id: Params) -> Manifest | None:
    reference = image_id.get("imageDigest") or image_id.get("imageTag")
    return await call.parts.ecr.registry.manifest(key.path, reference) if reference else None


def _manifest_members(manifest: Manifest, image_id: Params) -> Result:
    return {
        "imageId": _image_id(manifest.digest, image_id.get("imageTag")),
        "imageManifest": manifest.text,
        "imageManifestMediaType": manifest.media_type,
    }


def _find(images: Iterable[Image], image_id: Params) -> Image | None:
    digest, tag = image_id.get("imageDigest"), image_id.get("imageTag")
    if digest is None and tag is None:
        return None
    fitting = (i for i in images if digest in (None, i.digest) and (tag is None or tag in i.tags))
    return next(fitting, None)


def _require(key: RepositoryKey, images: Iterable[Image], image_id: Params) -> Image:
    image = _find(images, image_id)
    if image is None:
        raise ecr_errors.image_missing(key, image_id.get("imageDigest"), image_id.get("imageTag"))
    return image


def _filtered(images: Iterable[Image], params: Params) -> list[Image]:
    status = params.get("filter", {}).get("tagStatus", "ANY")
    return [image for image in images if status == "ANY" or bool(image.tags) == (status == "TAGGED")]


def _image_id(digest: str, tag: Any) -> Result:
    return {"imageDigest": digest, "imageTag": tag} if tag else {"imageDigest": digest}


def _failure(image_id: Params) -> Result:
    code, reason = NOT_FOUND
    if not image_id:
        code, reason = "MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null"
    return {"imageId": image_id, "failureCode": code, "failureReason": reason}
