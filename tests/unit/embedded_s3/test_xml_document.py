import time

import pytest

from emulator.embedded_s3.errors import S3Error
from emulator.embedded_s3.xml_document import document, element, parse, required, text


def test_document_escapes() -> None:
    written = document("Root", text("Key", "a<&>\x01\r\nü"), element("In", text("N", 1)), namespace=None)
    assert written.decode().endswith(
        "<Root><Key>a&lt;&amp;&gt;&#x1;&#xd;&#xa;ü</Key><In><N>1</N></In></Root>"
    )


def test_document_and_parse_agree() -> None:
    parsed = parse(document("Root", text("Key", "a<&>\r\n ü"), text("Empty", "")), "Root")
    assert parsed.findtext("Key") == "a<&>\r\n ü"
    assert required(parsed, "Empty") == ""
    with pytest.raises(S3Error):
        required(parsed, "Missing")


def test_parse_refuses_more_elements_than_the_document_can_have() -> None:
    parse(b"<Root>" + b"<a/>" * 9 + b"</Root>", "Root", 10)
    with pytest.raises(S3Error) as error:
        parse(b"<Root>" + b"<a/>" * 10 + b"</Root>", "Root", 10)
    assert error.value.code == "MalformedXML"


def test_parse_refuses_a_large_document_of_elements_alone_at_once() -> None:
    began = time.process_time()
    with pytest.raises(S3Error):
        parse(b"<Root>" + b"<a/>" * 2_000_000 + b"</Root>", "Root")
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"text",
        b"<Root>",
        b"<Other/>",
        b"<Root/><Root/>",
        b'<!DOCTYPE Root [<!ENTITY e "x">]><Root>&e;</Root>',
        b'<!DOCTYPE Root SYSTEM "file:///etc/passwd"><Root/>',
        '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE Root [<!ENTITY e "x">]><Root/>'.encode("utf-16"),
        b'<?xml version="1.0" encoding="unknown"?><Root/>',
        b"<Root>&undefined;</Root>",
        b"<Root>\xff</Root>",
        b"<Root>" + b"<a>" * 5000 + b"</a>" * 5000 + b"</Root>",
    ],
)
def test_parse_refuses(body: bytes) -> None:
    with pytest.raises(S3Error) as error:
        parse(body, "Root")
    assert error.value.code == "MalformedXML"
