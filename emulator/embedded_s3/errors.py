"""S3's faults, in S3's words (S3 API Reference, "Error responses", and answers of the real service)."""

from collections.abc import Mapping

from emulator.domain.s3_fault import S3Fault

XML_BODY = "The XML you provided was not well-formed or did not validate against our published schema"


class S3Error(S3Fault):
    """Becomes the XML error answer with `status`; `details` are further elements of it."""

    def __init__(
        self, status: int, code: str, message: str, details: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(code, message)
        self.status = status
        self.details = dict(details or {})


def no_such_bucket(bucket: str) -> S3Error:
    return S3Error(404, "NoSuchBucket", "The specified bucket does not exist", {"BucketName": bucket})


def no_such_key(key: str) -> S3Error:
    return S3Error(404, "NoSuchKey", "The specified key does not exist.", {"Key": key})


def no_such_version(key: str, version: str) -> S3Error:
    details = {"Key": key, "VersionId": version}
    return S3Error(404, "NoSuchVersion", "The specified version does not exist.", details)


def no_such_upload(upload_id: str) -> S3Error:
    text = (
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been "
        "aborted or completed."
    )
    return S3Error(404, "NoSuchUpload", text, {"UploadId": upload_id})


def no_such_tag_set(bucket: str) -> S3Error:
    return S3Error(404, "NoSuchTagSet", "The TagSet does not exist", {"BucketName": bucket})


def bucket_already_exists(bucket: str) -> S3Error:
    text = (
        "The requested bucket name is not available. The bucket namespace is shared by all users of the "
        "system. Please select a different name and try again."
    )
    return S3Error(409, "BucketAlreadyExists", text, {"BucketName": bucket})


def bucket_already_owned(bucket: str) -> S3Error:
    text = "Your previous request to create the named bucket succeeded and you already own it."
    return S3Error(409, "BucketAlreadyOwnedByYou", text, {"BucketName": bucket})


def bucket_not_empty(bucket: str) -> S3Error:
    text = "The bucket you tried to delete is not empty"
    return S3Error(409, "BucketNotEmpty", text, {"BucketName": bucket})


def invalid_bucket_name(bucket: str) -> S3Error:
    return S3Error(400, "InvalidBucketName", "The specified bucket is not valid.", {"BucketName": bucket})


def invalid_location(constraint: str) -> S3Error:
    text = "The specified location-constraint is not valid"
    return S3Error(400, "InvalidLocationConstraint", text, {"LocationConstraint": constraint})


def illegal_location(constraint: str) -> S3Error:
    text = f"The {constraint} location constraint is incompatible for the region specific endpoint this "
    return S3Error(400, "IllegalLocationConstraintException", text + "request was sent to.")


def access_denied() -> S3Error:
    return S3Error(403, "AccessDenied", "Access Denied")


def precondition_failed(condition: str) -> S3Error:
    text = "At least one of the pre-conditions you specified did not hold"
    return S3Error(412, "PreconditionFailed", text, {"Condition": condition})


def invalid_range(requested: str, size: int) -> S3Error:
    details = {"RangeRequested": requested, "ActualObjectSize": str(size)}
    return S3Error(416, "InvalidRange", "The requested range is not satisfiable", details)


def invalid_part_number(requested: int, actual: int) -> S3Error:
    details = {"PartNumberRequested": str(requested), "ActualPartCount": str(actual)}
    return S3Error(416, "InvalidPartNumber", "The requested partnumber is not satisfiable", details)


def entity_too_small(number: int, etag: str, size: int, minimum: int) -> S3Error:
    details = {
        "ProposedSize": str(size),
        "MinSizeAllowed": str(minimum),
        "PartNumber": str(number),
        "ETag": etag,
    }
    text = "Your proposed upload is smaller than the minimum allowed size"
    return S3Error(400, "EntityTooSmall", text, details)


def entity_too_large(proposed: int, maximum: int) -> S3Error:
    details = {"ProposedSize": str(proposed), "MaxSizeAllowed": str(maximum)}
    return S3Error(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", details)


def invalid_part(upload_id: str, number: int, etag: str) -> S3Error:
    text = (
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or the "
        "specified entity tag may not match the part's entity tag."
    )
    details = {"UploadId": upload_id, "PartNumber": str(number), "ETag": etag}
    return S3Error(400, "InvalidPart", text, details)


def invalid_part_order(upload_id: str) -> S3Error:
    text = "The list of parts was not in ascending order. Parts must be ordered by part number."
    return S3Error(400, "InvalidPartOrder", text, {"UploadId": upload_id})


def bad_digest(what: str) -> S3Error:
    """`what` is `Content-MD5` or a checksum algorithm."""
    if what == "Content-MD5":
        return S3Error(400, "BadDigest", "The Content-MD5 you specified did not match what we received.")
    return S3Error(400, "BadDigest", f"The {what} you specified did not match the calculated checksum.")


def invalid_digest(value: str) -> S3Error:
    return S3Error(400, "InvalidDigest", "The Content-MD5 you specified was invalid.", {"Content-MD5": value})


def content_sha256_mismatch(declared: str, computed: str) -> S3Error:
    details = {"ClientComputedContentSHA256": declared, "S3ComputedContentSHA256": computed}
    text = "The provided 'x-amz-content-sha256' header does not match what was computed."
    return S3Error(400, "XAmzContentSHA256Mismatch", text, details)


def incomplete_body() -> S3Error:
    text = "The request body terminated unexpectedly"
    return S3Error(400, "IncompleteBody", text)


def malformed_trailer() -> S3Error:
    text = (
        "The request contained trailing data that was not well-formed or did not conform to our published "
        "schema."
    )
    return S3Error(400, "MalformedTrailerError", text)


def key_too_long(size: int) -> S3Error:
    details = {"Size": str(size), "MaxSizeAllowed": "1024"}
    return S3Error(400, "KeyTooLongError", "Your key is too long", details)


def metadata_too_large(size: int) -> S3Error:
    details = {"Size": str(size), "MaxSizeAllowed": "2048"}
    text = "Your metadata headers exceed the maximum allowed metadata size"
    return S3Error(400, "MetadataTooLarge", text, details)


def malformed_xml() -> S3Error:
    return S3Error(400, "MalformedXML", XML_BODY)


def invalid_tag(message: str) -> S3Error:
    return S3Error(400, "InvalidTag", message)


def invalid_request(message: str) -> S3Error:
    return S3Error(400, "InvalidRequest", message)


def invalid_uri() -> S3Error:
    return S3Error(400, "InvalidURI", "Couldn't parse the specified URI.")


def invalid_argument(name: str, value: str, message: str) -> S3Error:
    details = {"ArgumentName": name, "ArgumentValue": value}
    return S3Error(400, "InvalidArgument", message, details)


def method_not_allowed(method: str) -> S3Error:
    text = "The specified method is not allowed against this resource."
    return S3Error(405, "MethodNotAllowed", text, {"Method": method})


def feature_not_implemented(feature: str) -> S3Error:
    """`feature` is a subresource or an operation of S3 that the embedded S3 has not."""
    text = f"A header you provided implies functionality that is not implemented: {feature}"
    return S3Error(501, "NotImplemented", text, {"Header": feature})


def internal_error() -> S3Error:
    return S3Error(500, "InternalError", "We encountered an internal error. Please try again.")
