from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest

from emulator.domain.errors import ServiceError
from emulator.wire.query_protocol import QueryProtocol, read_form
from emulator.wire.service_model import Operation, ServiceModels, load_service_models

NAMESPACE = "{https://sts.amazonaws.com/doc/2011-06-15/}"


@pytest.fixture(scope="module")
def models() -> ServiceModels:
    return load_service_models(["sts"])


def form(action: str, **fields: str) -> bytes:
    return urlencode({"Action": action, "Version": "2011-06-15", **fields}).encode()


def operation(models: ServiceModels, name: str) -> Operation:
    return QueryProtocol().find_operation(models, form(name))


def parsed(models: ServiceModels, name: str, **fields: str) -> dict[str, Any]:
    return QueryProtocol().parse(operation(models, name), form(name, **fields))


def test_action_and_version_name_the_operation(models: ServiceModels) -> None:
    assert operation(models, "GetCallerIdentity").model.name == "GetCallerIdentity"


@pytest.mark.parametrize("body", [b"", b"Action=Nonsense&Version=2011-06-15", b"Action=GetCallerIdentity"])
def test_unknown_action_is_invalid(models: ServiceModels, body: bytes) -> None:
    with pytest.raises(ServiceError) as raised:
        QueryProtocol().find_operation(models, body)
    assert raised.value.code == "InvalidAction"


def test_parse_reads_structures_lists_and_numbers(models: ServiceModels) -> None:
    fields = {
        "RoleArn": "arn:aws:iam::111122223333:role/r",
        "DurationSeconds": "900",
        "PolicyArns.member.1.arn": "p1",
        "PolicyArns.member.2.arn": "p2",
        "Tags.member.1.Key": "k",
        "Tags.member.1.Value": "",
        "Unknown": "dropped",
    }
    assert parsed(models, "AssumeRole", **fields) == {
        "RoleArn": "arn:aws:iam::111122223333:role/r",
        "DurationSeconds": 900,
        "PolicyArns": [{"arn": "p1"}, {"arn": "p2"}],
        "Tags": [{"Key": "k", "Value": ""}],
    }


def test_parse_without_fields_is_empty(models: ServiceModels) -> None:
    assert parsed(models, "GetCallerIdentity") == {}


def test_parse_wrong_number_is_refused(models: ServiceModels) -> None:
    with pytest.raises(ServiceError, match="SerializationException"):
        parsed(models, "AssumeRole", DurationSeconds="soon")


@pytest.mark.parametrize("body", [b"a=\xff", b"a=%ff", b"&".join([b"a=1"] * 20_000)])
def test_form_that_cannot_be_read_is_refused(body: bytes) -> None:
    with pytest.raises(ServiceError, match="SerializationException"):
        read_form(body)


def test_render_writes_the_result_by_shape(models: ServiceModels) -> None:
    result = {"Account": "111122223333", "Arn": "a<b>&\x01", "UserId": None, "Unknown": 1}
    body = QueryProtocol().render(operation(models, "GetCallerIdentity"), result, "id-1", False).content
    root = ElementTree.fromstring(body)
    assert root.tag == f"{NAMESPACE}GetCallerIdentityResponse"
    found = {node.tag.removeprefix(NAMESPACE): node.text for node in root[0]}
    assert found == {"Account": "111122223333", "Arn": "a<b>&\ufffd"}
    assert root.findtext(f"{NAMESPACE}ResponseMetadata/{NAMESPACE}RequestId") == "id-1"


def test_render_writes_times_in_iso_8601(models: ServiceModels) -> None:
    credentials = {"AccessKeyId": "k", "Expiration": datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)}
    result = {"Credentials": credentials, "PackedPolicySize": 6}
    body = QueryProtocol().render(operation(models, "AssumeRole"), result, "id-1", False).content
    assert b"<Expiration>2024-01-02T03:04:05Z</Expiration>" in body
    assert b"<PackedPolicySize>6</PackedPolicySize>" in body


@pytest.mark.parametrize(("status", "kind"), [(400, "Sender"), (500, "Receiver")])
def test_render_error_says_whose_fault_it_is(status: int, kind: str) -> None:
    body = QueryProtocol().render_error(ServiceError("Code", "a < b", status), "id-1").content
    root = ElementTree.fromstring(body)
    assert [node.text for node in root[0]] == [kind, "Code", "a < b"]
    assert root.findtext("RequestId") == "id-1"


def test_no_output_has_a_list_or_map(models: ServiceModels) -> None:
    model = models.models["sts"]
    outputs = [model.operation_model(name).output_shape for name in model.operation_names]
    pending = [member for shape in outputs if shape for member in shape.members.values()]
    while pending:
        shape = pending.pop()
        assert shape.type_name not in ("list", "map")
        pending += getattr(shape, "members", {}).values()
