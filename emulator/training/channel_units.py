"""What a channel consists of, whatever its S3DataType."""

from emulator.domain.s3_object import S3Object

Record = bytes | S3Object
"""Bytes that are known already, or an object whose bytes are read when their turn comes."""

Unit = tuple[Record, ...]
"""What is sharded and shuffled: one object, or the attributes of one line of an augmented manifest."""
