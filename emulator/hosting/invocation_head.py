"""What the heads of sagemaker-runtime's requests say: the operation, the endpoint, the members that are headers."""

import re
from functools import lru_cache
from typing import NamedTuple

from starlette.datastructures import Headers

from emulator.domain.arn import ResourceKey
from emulator.wire.dispatch import Params
from emulator.wire.identity import Credential, account_id
from emulator.wire.rest_json_protocol import RestJsonProtocol
from emulator.wire.service_model import ServiceModels, load_service_models
from emulator.wire.validation import check

CACHE = 256
"""Heads that are remembered with what they say: most callers repeat theirs."""

LARGEST_CACHED = 8 * 1024
"""Bytes of a head that is remembered."""

LONGEST_NAME = 64
"""Bytes of the name of a header that is a member; AWS's are shorter."""

SERVICE, SIGNING_NAME = "sagemaker-runtime", "sagemaker"
_PATH = re.compile(r"/endpoints/([^/?]+)/(?:invocations|async-invocations|invocations-response-stream)")


class InvocationHead(NamedTuple):
    operation: str
    key: ResourceKey
    """The endpoint's."""
    members: Params
    """Without Body; checked against the operation's shape."""


def is_path(path: str) -> bool:
    """Percent-encoded, as it came, without a query."""
    return _PATH.fullmatch(path) is not None


def is_signed(credential: Credential | None) -> bool:
    """For SageMaker: unsigned, it could be an object of a bucket named `endpoints`."""
    return credential is not None and credential.service == SIGNING_NAME


def is_member(header: str | bytes) -> bool:
    """By its name in lower case."""
    return len(header) <= LONGEST_NAME and _is_member(header)


@lru_cache(CACHE)
def _is_member(header: str | bytes) -> bool:
    name = header if isinstance(header, str) else header.decode("latin-1")
    return name.startswith("x-amzn-sagemaker-") or name in ("content-type", "accept")


class InvocationHeads:
    def __init__(
        self, default_account: str, default_region: str, models: ServiceModels | None = None
    ) -> None:
        self._account = default_account
        self._region = default_region
        self._models = models or load_service_models([SERVICE])
        self._known = lru_cache(CACHE)(self._read)

    def read(
        self, path: str, headers: tuple[tuple[str, str], ...], credential: Credential | None
    ) -> InvocationHead:
        """`headers`: those that are members. Raises ServiceError."""
        size = len(path) + sum([len(name) + len(value) for name, value in headers])
        read = self._known if size <= LARGEST_CACHED else self._read
        operation, members = read(path, headers)
        region = credential.region if credential else self._region
        account = account_id(credential, self._account)
        key = ResourceKey(account, region, "endpoint", str(members["EndpointName"]))
        return InvocationHead(operation, key, members)

    def _read(self, path: str, headers: tuple[tuple[str, str], ...]) -> tuple[str, Params]:
        protocol = RestJsonProtocol("POST", path, "", Headers(dict(headers)))
        operation = protocol.find_operation(self._models, b"")
        params = protocol.parse(operation, b"")
        check(SERVICE, operation.model.input_shape, params)
        return operation.model.name, {name: value for name, value in params.items() if name != "Body"}
