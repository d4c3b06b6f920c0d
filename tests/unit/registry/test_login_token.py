import base64

import pytest

from emulator.domain.ecr import EcrRegistry
from emulator.registry.login_token import make_authorization_token, make_password, read_authorization

THEIRS = EcrRegistry("111122223333", "eu-west-1")
DEFAULT = EcrRegistry("123456789012", "us-east-1")


def basic(password: str) -> str:
    return f"Basic {base64.b64encode(f'AWS:{password}'.encode()).decode()}"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_token_of_get_authorization_token_is_read(scheme: str) -> None:
    assert read_authorization(f"{scheme} {make_authorization_token(THEIRS)}", DEFAULT) == THEIRS


def test_password_is_read_as_a_bearer_token_too() -> None:
    assert read_authorization(f"Bearer {make_password(THEIRS)}", DEFAULT) == THEIRS


@pytest.mark.parametrize(
    "password",
    [
        "",
        "anything",
        "é",
        encoded("[]"),
        encoded("[" * 20_000),
        encoded('"text"'),
        encoded("{}"),
        encoded('{"account_id": 1, "region": "eu-west-1"}'),
        encoded('{"account_id": "../../etc", "region": "eu-west-1"}'),
        encoded('{"account_id": "111122223333", "region": "../eu"}'),
        encoded('{"account_id": "111122223333", "region": ""}'),
    ],
)
def test_password_that_we_did_not_make_means_the_default(password: str) -> None:
    assert read_authorization(basic(password), DEFAULT) == DEFAULT


@pytest.mark.parametrize("header", ["", "Digest x", "AWS4-HMAC-SHA256 Credential=x"])
def test_no_login_is_told_apart(header: str) -> None:
    assert read_authorization(header, DEFAULT) is None
