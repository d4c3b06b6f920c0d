import time

import pytest

from emulator.domain.errors import ServiceError
from emulator.wire.identity import Credential, account_id, read_credential

SCOPE = "AKIAEXAMPLE/20240101/eu-west-1/sagemaker/aws4_request"
SIGNED = f"AWS4-HMAC-SHA256 Credential={SCOPE}, SignedHeaders=host;x-amz-date, Signature=0"


@pytest.mark.parametrize(
    ("headers", "query"), [({"authorization": SIGNED}, {}), ({}, {"X-Amz-Credential": SCOPE})]
)
def test_credential_is_read_from_header_or_query(headers: dict[str, str], query: dict[str, str]) -> None:
    assert read_credential(headers, query) == Credential("AKIAEXAMPLE", "eu-west-1", "sagemaker")


@pytest.mark.parametrize("authorization", ["", "Bearer abc", "AWS AKIAEXAMPLE:signature"])
def test_credential_of_an_unsigned_request_is_none(authorization: str) -> None:
    assert read_credential({"authorization": authorization}, {}) is None


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("AWS4-HMAC-SHA256 SignedHeaders=host, Signature=0", "IncompleteSignatureException"),
        ("AWS4-HMAC-SHA256 Credential=a/b/c", "IncompleteSignatureException"),
        (SIGNED.replace("eu-west-1", "../x y"), "IncompleteSignatureException"),
        (SIGNED.replace("eu-west-1", "EU:1"), "InvalidSignatureException"),
        (SIGNED.replace("eu-west-1", ""), "InvalidSignatureException"),
    ],
)
def test_credential_that_cannot_be_read_is_refused(authorization: str, code: str) -> None:
    with pytest.raises(ServiceError) as raised:
        read_credential({"authorization": authorization}, {})
    assert raised.value.code == code


@pytest.mark.parametrize("member", ["Credential=", "Credential=a/20240101/", "Credential=a/20240101/b/c"])
def test_credential_of_any_length_and_form_is_refused_at_once(member: str) -> None:
    text = member * (300_000 // len(member))
    began = time.thread_time()
    for headers, query in (({"authorization": f"AWS4-{text}"}, {}), ({}, {"X-Amz-Credential": text})):
        with pytest.raises(ServiceError) as raised:
            read_credential(headers, query)
        assert raised.value.code == "IncompleteSignatureException"
    assert time.thread_time() - began < 1


def test_credential_may_stand_anywhere_in_the_header() -> None:
    text = f"AWS4-HMAC-SHA256 SignedHeaders=host Credential={SCOPE} Signature=0"
    assert read_credential({"authorization": text}, {}) == Credential("AKIAEXAMPLE", "eu-west-1", "sagemaker")


def test_credential_in_a_header_of_more_than_4_kib_is_not_looked_for() -> None:
    read_credential({"authorization": SIGNED.ljust(4096, "0")}, {})
    with pytest.raises(ServiceError) as raised:
        read_credential({"authorization": SIGNED.ljust(4097, "0")}, {})
    assert raised.value.code == "IncompleteSignatureException"


@pytest.mark.parametrize(
    ("access_key", "account"),
    [("111122223333", "111122223333"), ("1111222233334", "000000000000"), ("AKIAEXAMPLE", "000000000000")],
)
def test_account_is_an_access_key_of_12_digits(access_key: str, account: str) -> None:
    assert account_id(Credential(access_key, "us-east-1", "sts"), "000000000000") == account


def test_account_of_an_unsigned_request_is_the_configured_one() -> None:
    assert account_id(None, "000000000000") == "000000000000"
