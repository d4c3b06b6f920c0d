import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any

import pytest

from emulator.domain.role import SAGEMAKER, Role, RoleName, plausible_role
from emulator.domain.role_session import RoleSession

NAME = RoleName("111122223333", "/", "r")
ALLOW = {"Effect": "Allow", "Principal": {"Service": SAGEMAKER}, "Action": "sts:AssumeRole"}


def trusts(policy: str) -> bool:
    return Role(NAME, "AROA", datetime(2026, 1, 1, tzinfo=UTC), policy).trusts(SAGEMAKER)


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        ("arn:aws:iam::111122223333:role/r", NAME),
        ("arn:aws:iam::111122223333:role/a/b/r", RoleName("111122223333", "/a/b/", "r")),
        ("arn:aws-cn:iam::111122223333:role/r", NAME),
        ("arn:aws:iam::111122223333:user/r", None),
        ("arn:aws:iam::1111:role/r", None),
        ("arn:aws:iam::111122223333:role/", None),
        ("r", None),
    ],
)
def test_role_name_of_an_arn(arn: str, name: RoleName | None) -> None:
    assert RoleName.parse(arn) == name


@pytest.mark.parametrize(
    "statements",
    [
        ALLOW,
        [ALLOW],
        [{**ALLOW, "Principal": {"Service": ["ec2.amazonaws.com", SAGEMAKER]}}],
        [{**ALLOW, "Principal": "*"}],
        [{**ALLOW, "Action": ["sts:TagSession", "STS:assumerole"]}],
        [{**ALLOW, "Action": "sts:*"}],
        [{**ALLOW, "Principal": {"AWS": "111122223333"}}, ALLOW],
        ["nonsense", ALLOW],
    ],
)
def test_role_trusts_sagemaker(statements: Any) -> None:
    assert trusts(json.dumps({"Statement": statements}))


@pytest.mark.parametrize(
    "policy",
    [
        "",
        "{",
        "[" * 20_000,
        "[]",
        "{}",
        json.dumps({"Statement": []}),
        json.dumps({"Statement": [{**ALLOW, "Effect": "Deny"}, ALLOW]}),
        json.dumps({"Statement": [{**ALLOW, "Principal": {"Service": "ec2.amazonaws.com"}}]}),
        json.dumps({"Statement": [{**ALLOW, "Principal": {"AWS": SAGEMAKER}}]}),
        json.dumps({"Statement": [{**ALLOW, "Action": "sts:TagSession"}]}),
        json.dumps({"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole"}]}),
    ],
)
def test_role_does_not_trust_sagemaker(policy: str) -> None:
    assert not trusts(policy)


def test_plausible_role_trusts_sagemaker() -> None:
    assert plausible_role("111122223333", "r").trusts(SAGEMAKER)


def test_role_session_of_its_token() -> None:
    session = RoleSession(RoleName("111122223333", "/a/", "r"), "me")
    assert RoleSession.of_token(session.token) == session
    assert session.arn == "arn:aws:sts::111122223333:assumed-role/r/me"


def test_token_that_is_nested_too_deeply_is_nobodys() -> None:
    assert RoleSession.of_token(urlsafe_b64encode(b"[" * 20_000).decode()) is None


@pytest.mark.parametrize("token", ["", "x", "e30=", "W10=", "IQoJb3JpZ2luX2VjE", "\u00e9", "bnVsbA=="])
def test_role_session_of_another_token(token: str) -> None:
    assert RoleSession.of_token(token) is None
