"""S3's XML bodies: written as text, read with guards, since they come from anybody."""

import re
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser
from xml.sax.saxutils import escape

from emulator.embedded_s3 import errors

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_CONTROL = re.compile(r"[\x00-\x1f]")
_DEPTH_LIMIT = 16
ELEMENT_LIMIT = 1000
"""Elements of a document, where it is no list of keys or parts; 50 tags have 152."""


def text(name: str, value: object) -> str:
    """`<name>value</name>`; control characters become references, as in S3's own answers."""
    escaped = escape(str(value))
    if _CONTROL.search(escaped):
        escaped = _CONTROL.sub(lambda match: f"&#x{ord(match[0]):x};", escaped)
    return f"<{name}>{escaped}</{name}>"


def element(name: str, *children: str) -> str:
    return f"<{name}>{''.join(children)}</{name}>"


def document(name: str, *children: str, namespace: str | None = NAMESPACE) -> bytes:
    attribute = f' xmlns="{namespace}"' if namespace else ""
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<{name}{attribute}>{"".join(children)}</{name}>'
    return body.encode("utf-8")


class _GuardedBuilder:
    """Builds elements without namespaces; a DOCTYPE (entities!), deep nesting or too many elements end the parse."""

    def __init__(self, element_limit: int) -> None:
        self._tree = TreeBuilder()
        self._left = element_limit
        self._depth = 0

    def doctype(self, name: str, public_id: str | None, system_id: str | None) -> None:
        raise errors.malformed_xml()

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._left -= 1
        if self._depth > _DEPTH_LIMIT or self._left < 0:
            raise errors.malformed_xml()
        self._tree.start(tag.rpartition("}")[2], attributes)

    def end(self, tag: str) -> None:
        self._depth -= 1
        self._tree.end(tag.rpartition("}")[2])

    def data(self, data: str) -> None:
        self._tree.data(data)

    def close(self) -> Element:
        return self._tree.close()


def parse(body: bytes, root: str, element_limit: int = ELEMENT_LIMIT) -> Element:
    """Parse a document whose root element is `root`; names lose their namespace. Raises MalformedXML."""
    parser = XMLParser(target=_GuardedBuilder(element_limit))  # noqa: S314 - the builder refuses DOCTYPE
    try:
        parser.feed(body)
        parsed: Element = parser.close()
    except (ParseError, ValueError, LookupError) as error:
        raise errors.malformed_xml() from error
    if parsed.tag != root:
        raise errors.malformed_xml()
    return parsed


def required(parent: Element, name: str) -> str:
    """The text of the child `name`. Raises MalformedXML where there is none."""
    found = parent.find(name)
    if found is None:
        raise errors.malformed_xml()
    return found.text or ""
