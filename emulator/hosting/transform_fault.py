"""What ends the transformation of one S3 object: its content, or what the model made of it."""


class TransformFault(Exception):  # noqa: N818 - the data is at fault, not the emulator
    """The text is one sentence for the job's data log, behind the object's bucket and key."""


def record_too_large(number: int, begin: int, limit: int) -> TransformFault:
    """`number` counts from 1, `begin` is the record's first byte in the object, `limit` in bytes."""
    return TransformFault(
        f"Record {number}, which begins at byte {begin}, is larger than MaxPayloadInMB ({limit / 2**20:g}). "
        "Use a larger MaxPayloadInMB, or a SplitType that makes smaller records."
    )


def damaged_record(split_type: str, number: int, begin: int, why: str) -> TransformFault:
    return TransformFault(f"Record {number}, which begins at byte {begin}, is not valid {split_type}: {why}.")
