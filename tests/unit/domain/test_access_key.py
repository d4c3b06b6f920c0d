from base64 import b32decode

import pytest

from emulator.domain.access_key import account_of, temporary_key

DEFAULT = "123456789012"


@pytest.mark.parametrize("account", ["000000000000", "000000000001", "444455556666", "999999999999"])
def test_temporary_key_tells_its_account(account: str) -> None:
    keys = {temporary_key(account, nonce) for nonce in (0, 1, 2**19 - 1, 2**128 + 5)}
    assert len(keys) == 4
    for key in keys:
        assert (len(key), key[:4]) == (20, "ASIA")
        assert account_of(key, DEFAULT) == account


def test_temporary_key_has_the_account_where_aws_has_it() -> None:
    """The layout that is public since aws-sdk tools read accounts from keys: bits 1 to 40 after the prefix."""
    bits = int.from_bytes(b32decode(temporary_key("444455556666", 7)[4:])[:6], "big")
    assert (bits & 0x7FFFFFFFFF80) >> 7 == 444455556666


@pytest.mark.parametrize(
    "access_key",
    [
        "",
        "test",
        "AKIAIOSFODNN7EXAMPLE",
        "ASIAIOSFODNN7EXAMPLE",
        "ASIAQQQQQQQQQQQQQQQQ",
        "ASIA",
        "1234567890123",
        "١٢٣٤٥٦٧٨٩٠١٢",
    ],
)
def test_other_keys_tell_no_account(access_key: str) -> None:
    assert account_of(access_key, DEFAULT) == DEFAULT


def test_damaged_temporary_key_tells_no_account() -> None:
    key = temporary_key("444455556666", 7)
    others = [key[:i] + ("A" if key[i] != "A" else "B") + key[i + 1 :] for i in range(4, 20)]
    assert [account_of(other, DEFAULT) for other in others] == [DEFAULT] * 16


def test_account_id_is_its_own_account() -> None:
    assert account_of("111122223333", DEFAULT) == "111122223333"
