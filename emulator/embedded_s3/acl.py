"""GetBucketAcl and GetObjectAcl: the bucket's owner has full control, and nobody else a grant."""

from emulator.embedded_s3.answer import Answer
from emulator.embedded_s3.bucket_index import require_bucket
from emulator.embedded_s3.object_index import require_object
from emulator.embedded_s3.records import owner_id
from emulator.embedded_s3.request import S3Request
from emulator.embedded_s3.store import Store
from emulator.embedded_s3.xml_document import document, element, text

_CANONICAL_USER = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"'


async def get_bucket_acl(store: Store, request: S3Request) -> Answer:
    bucket = await store.index.run(require_bucket, request.target)
    owner = text("ID", owner_id(bucket.account_id))
    grantee = f"<Grantee {_CANONICAL_USER}>{owner}</Grantee>"
    grants = element("AccessControlList", element("Grant", grantee, text("Permission", "FULL_CONTROL")))
    return Answer.xml(document("AccessControlPolicy", element("Owner", owner), grants))


async def get_object_acl(store: Store, request: S3Request) -> Answer:
    await store.index.run(require_object, request.target, request.key)
    return await get_bucket_acl(store, request)
