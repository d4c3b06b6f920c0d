"""To which account an access key belongs: access keys are the only account data that a request carries.

A temporary key tells its account as AWS's keys do: after the prefix, base32 of one bit, 40 bits of account and 39
others. In ours 20 of those are a check sum, so that real temporary keys are not taken for the emulator's.
"""

import re
from base64 import b32decode, b32encode
from hashlib import sha256

_ACCOUNT_ID = re.compile(r"[0-9]{12}")
_TEMPORARY = re.compile(r"ASIA[A-Z2-7]{16}")
_NONCE_BITS, _CHECK_BITS = 19, 20


def account_of(access_key: str, default: str) -> str:
    """Exactly 12 digits are the account itself, so that tests can have accounts of their own."""
    if _ACCOUNT_ID.fullmatch(access_key):
        return access_key
    return _account_of_temporary_key(access_key) or default


def temporary_key(account_id: str, nonce: int) -> str:
    """An access key id of the form that STS hands out; its account can be read back."""
    head = 1 << (40 + _NONCE_BITS) | int(account_id) << _NONCE_BITS | nonce % (1 << _NONCE_BITS)
    return "ASIA" + b32encode((head << _CHECK_BITS | _check_sum(head)).to_bytes(10, "big")).decode()


def _account_of_temporary_key(access_key: str) -> str | None:
    if not _TEMPORARY.fullmatch(access_key):
        return None
    number = int.from_bytes(b32decode(access_key[4:]), "big")
    head = number >> _CHECK_BITS
    account_id = head >> _NONCE_BITS & (2**40 - 1)
    is_ours = number % (1 << _CHECK_BITS) == _check_sum(head) and account_id < 10**12
    return f"{account_id:012}" if is_ours else None


def _check_sum(head: int) -> int:
    return int.from_bytes(sha256(head.to_bytes(8, "big")).digest()[:4], "big") % (1 << _CHECK_BITS)
