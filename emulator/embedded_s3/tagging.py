"""Get/Put/DeleteObjectTagging and the same of buckets."""

from emulator.embedded_s3 import errors
from emulator.embedded_s3.answer import Answer
from emulator.embedded_s3.bucket_index import bucket_tags, set_bucket_tags
from emulator.embedded_s3.object_index import require_object, set_object_tags
from emulator.embedded_s3.request import S3Request
from emulator.embedded_s3.store import Store
from emulator.embedded_s3.tag_set import read_bucket_tags, read_tag_document, tag_document


async def get_object_tagging(store: Store, request: S3Request) -> Answer:
    stored = await store.index.run(require_object, request.target, request.key)
    return Answer.xml(tag_document(stored.description.tags))


async def put_object_tagging(store: Store, request: S3Request) -> Answer:
    tags = await store.read(await request.body.document(), read_tag_document)
    await store.index.run(set_object_tags, request.target, request.key, tags)
    return Answer()


async def delete_object_tagging(store: Store, request: S3Request) -> Answer:
    await store.index.run(set_object_tags, request.target, request.key, {})
    return Answer(204)


async def get_bucket_tagging(store: Store, request: S3Request) -> Answer:
    tags = await store.index.run(bucket_tags, request.target)
    if not tags:
        raise errors.no_such_tag_set(request.bucket)
    return Answer.xml(tag_document(tags))


async def put_bucket_tagging(store: Store, request: S3Request) -> Answer:
    tags = await store.read(await request.body.document(), read_bucket_tags)
    await store.index.run(set_bucket_tags, request.target, tags)
    return Answer(204)


async def delete_bucket_tagging(store: Store, request: S3Request) -> Answer:
    await store.index.run(set_bucket_tags, request.target, {})
    return Answer(204)
