"""Which names a bucket can have (S3 User Guide, "General purpose bucket naming rules")."""

import re

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
_RESERVED_STARTS = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_ENDS = ("-s3alias", "--ol-s3")


def has_form_of_bucket(name: str) -> bool:
    """Whether a bucket, or what S3 addresses as one, such as an access point's alias, can have the name."""
    return _NAME.fullmatch(name) is not None and ".." not in name and not _ADDRESS.fullmatch(name)


def can_be_created(name: str) -> bool:
    """Whether CreateBucket takes the name."""
    is_reserved = name.startswith(_RESERVED_STARTS) or name.endswith(_RESERVED_ENDS)
    return has_form_of_bucket(name) and not is_reserved
