"""What would make moto send requests to an address of the caller's choice: refused before moto sees it."""

import json
from collections.abc import Iterator
from urllib.parse import parse_qsl

from emulator.domain.aws_request import AwsRequest
from emulator.domain.errors import ServiceError


def refuse_outward_calls(request: AwsRequest) -> None:
    """Raises ServiceError for an SNS subscription or a Firehose destination that is a URL."""
    by_url = [("Protocol", "http"), ("Protocol", "https")]
    if request.service == "sns" and any(member in by_url for member in _members(request)):
        raise _not_delivered("SNS subscriptions")
    if request.service == "firehose" and any(
        name.startswith("HttpEndpoint") for name, _ in _members(request)
    ):
        raise _not_delivered("Firehose destinations")


def _members(request: AwsRequest) -> Iterator[tuple[str, object]]:
    """The members of the request, in whatever form it has them."""
    yield from parse_qsl(request.target.partition("?")[2])
    yield from parse_qsl(request.body.decode("latin-1"))
    try:
        document = json.loads(request.body)
    except ValueError:
        return
    if isinstance(document, dict):
        yield from document.items()


def _not_delivered(what: str) -> ServiceError:
    text = f"The emulator does not call HTTP endpoints: {what} of that kind are not implemented."
    return ServiceError("NotImplemented", f"{text} See docs/fidelity.md for what it does.", status=501)
