from typing import Any

import anyio
import pytest
from starlette.responses import Response

from emulator.edge import Gate, Gated

OPEN = Gate(is_private=False, allowed_hosts=("ml.lan", ".svc.cluster.local"))


@pytest.mark.parametrize(
    "host",
    [
        "192.0.2.7:4567",
        "[2001:db8::7]:4567",
        "localhost:4567",
        "bucket.localhost:4567",
        "emulator:4567",
        "host.docker.internal:4567",
        "bucket.s3.host.docker.internal",
        "ML.lan:4567",
        "emulator.tests.svc.cluster.local",
    ],
)
def test_an_open_server_answers_to_names_that_nobody_else_can_make(host: str) -> None:
    assert OPEN.admits(host, None)
    assert OPEN.admits(host, f"http://{host}")


@pytest.mark.parametrize("host", ["rebind.example:4567", "a.ml.lan", "svc.cluster.local", "ml.lan.example"])
def test_an_open_server_does_not_answer_to_a_name_that_a_page_can_point_at_it(host: str) -> None:
    assert not OPEN.admits(host, None)
    assert not OPEN.admits(host, f"http://{host}")


def test_pages_of_a_listed_host_may_ask_from_any_port() -> None:
    assert OPEN.admits("192.0.2.7:4567", "https://ml.lan:8888")
    assert not OPEN.admits("192.0.2.7:4567", "https://a.ml.lan")
    assert not OPEN.admits("emulator:4567", "http://other")


def test_a_private_server_answers_to_names_of_this_machine_and_listed_ones() -> None:
    private = Gate(allowed_hosts=("ml.lan",))
    assert private.admits("127.0.0.1:4567", None)
    assert private.admits("host.docker.internal:4567", None)
    assert private.admits("ml.lan", None)
    assert not private.admits("emulator:4567", None)
    assert not private.admits("rebind.example:4567", None)


def status_of(path: str, **headers: str) -> int:
    """Of a GET through the gate, behind which everything is answered 204."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    path, _, query = path.partition("?")
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": raw}
    anyio.run(Gated(Response(status_code=204), Gate()), scope, receive, send)
    return int(sent[0]["status"])


async def receive() -> Any:
    return {"type": "http.request"}


TOPIC = "/?Action=CreateTopic&X-Amz-Signature=0&X-Amz-Credential=a/20240101/us-east-1/sns/aws4_request"
LINK = "/bucket/key?X-Amz-Signature=0&X-Amz-Credential=a/20240101/us-east-1/s3/aws4_request"
OLD_LINK = "/bucket/key?AWSAccessKeyId=a&Signature=0&Expires=1"
CLICK = {"sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("path", [TOPIC, LINK, "/_emulator/health"])
def test_a_page_elsewhere_cannot_send_what_has_no_origin(path: str, site: str) -> None:
    assert status_of(path, host="localhost", sec_fetch_site=site) == 403
    assert status_of(path, host="localhost", sec_fetch_site=site, origin="http://localhost:3000") == 204


def test_a_link_on_a_page_elsewhere_leads_to_objects_of_s3_only() -> None:
    click = {"host": "localhost", "sec_fetch_site": "cross-site", **CLICK}
    assert status_of(LINK, **click) == status_of(OLD_LINK, **click) == 204
    assert status_of(TOPIC, **click) == 403
    assert status_of(f"{OLD_LINK}&{TOPIC[2:]}", **click) == 403
    assert status_of("/bucket/key", **click) == 403
    assert status_of(LINK, **{**click, "host": "rebind.example"}) == 403
    assert status_of(LINK, **{**click, "sec_fetch_dest": "iframe"}) == 403


@pytest.mark.parametrize("site", ["none", "same-origin"])
def test_an_address_that_the_user_opens_is_answered(site: str) -> None:
    assert status_of(LINK, host="localhost", sec_fetch_site=site, **CLICK) == 204
