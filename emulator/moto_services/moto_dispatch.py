"""The one module that imports moto; it takes about a second, so it is itself imported at the first need.

moto is used as its own servers use it: a request is matched against the URL patterns of AWS's hosts, and the
backend's function is called. Nothing of botocore is mocked: moto's stubber stays disabled.
"""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from moto.backend_index import backend_url_patterns
from moto.backends import get_backend
from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data
from moto.core.request import Request
from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends
from werkzeug.exceptions import HTTPException

from emulator.domain.aws_request import AwsAnswer, AwsRequest
from emulator.domain.errors import ServiceError
from emulator.domain.reset_scope import ResetScope
from emulator.domain.role import Role, RoleName
from emulator.moto_services.outward_calls import refuse_outward_calls

REFUSED = frozenset(
    {"awslambda", "batch", "cloudformation", "codebuild", "stepfunctions"}
    | {"instance_metadata", "moto_api._internal", "s3", "s3bucket_path", "s3control"}
    | {"sagemaker", "sagemakermetrics", "sagemakerruntime"}
)
"""Backends that run code in containers of their own or only say that it ran, and what the emulator is itself."""

HOSTS = {"eventbridge": "events", "mobiletargeting": "pinpoint"}
"""Host names where they differ from the signing name."""


def answer(request: AwsRequest) -> AwsAnswer:
    """Raises ServiceError for what moto has not or shall not do; anything else that it raises is moto's fault."""
    refuse_outward_calls(request)
    handler, url = _find_handler(request)
    headers = {**request.headers, "host": url.split("/")[2], "x-moto-account-id": request.account_id}
    moto_request = Request.from_primitives(request.method, url, headers, request.body)
    try:
        status, answer_headers, body = handler(moto_request, moto_request.raw_url, moto_request.headers)
    except HTTPException as error:
        status, answer_headers, body = error.code, dict(error.get_headers()), error.get_body()
    except KeyError as error:
        if error.args != (request.region,):
            raise
        raise ServiceError("InvalidRegion", f"moto does not know the Region {request.region!r}.") from error
    except NotImplementedError as error:
        raise _not_in_moto(request, f" ({error})" if str(error) else "") from error
    content = body.encode() if isinstance(body, str) else body or b""
    told = {name.lower(): str(value) for name, value in answer_headers.items()}
    kept = {
        name: value for name, value in told.items() if name not in ("status", "content-length", "connection")
    }
    return AwsAnswer(int(status or 500), content, kept)


def find_role(account_id: str, name: str) -> Role | None:
    try:
        role: Any = iam_backends[account_id]["aws"].get_role(name)
    except NotFoundException:
        return None
    return Role(
        name=RoleName(account_id, role.path or "/", role.name),
        id=role.id,
        creation_time=role.create_date,
        trust_policy=unquote(role.assume_role_policy_document or ""),
        description=role.description or None,
        max_session_duration=int(role.max_session_duration or 3600),
        tags={tag["Key"]: tag["Value"] for tag in role.tags or ()} or None,
        permissions_boundary=role.permissions_boundary_arn or None,
    )


def reset(scope: ResetScope) -> None:
    """Forget the state; of services that have no Regions, only where the scope names none."""
    if scope == ResetScope():
        BackendDict.reset()
        reset_model_data()
        return
    for backends in list(BackendDict._instances):  # type: ignore[misc]
        for account_id, regions in list(backends.items()):
            for region, backend in list(regions.items()):
                if scope.holds(account_id, region):
                    backend.reset()


def _find_handler(request: AwsRequest) -> tuple[Any, str]:
    """The function that answers, and the URL that the request would have at AWS."""
    for host in _hosts(request):
        base = f"https://{host}"
        clean_url = base + request.path
        for name, pattern in backend_url_patterns:
            if name in REFUSED or not pattern.match(clean_url):
                continue
            for url, handler in _urls(request, name).items():
                if re.match(url, clean_url):
                    return handler, base + request.target
    raise _not_in_moto(request, "")


def _hosts(request: AwsRequest) -> Iterator[str]:
    name, region = HOSTS.get(request.service, request.service), request.region
    if request.headers.get("x-amz-target", "").startswith("DynamoDBStreams"):
        name = "streams.dynamodb"
    yield f"{name}.{region}.amazonaws.com"
    yield f"{name}.amazonaws.com"
    yield f"api.{name}.{region}.amazonaws.com"


def _urls(request: AwsRequest, backend_name: str) -> dict[str, Any]:
    try:
        backends: Any = get_backend(backend_name)  # type: ignore[call-overload]
    except ModuleNotFoundError as error:
        raise _not_in_moto(request, f" (moto needs the Python package {error.name} for it)") from error
    regions = backends[request.account_id]
    return dict(regions["us-east-1" if "us-east-1" in regions else "aws"].urls)


def _not_in_moto(request: AwsRequest, why: str) -> ServiceError:
    operation = request.headers.get("x-amz-target", "").rpartition(".")[2]
    what = f"{operation} of " if operation else ""
    text = f"The emulator does not implement {what}the service {request.service!r}{why}."
    return ServiceError("NotImplemented", f"{text} See docs/fidelity.md for what it does.", status=501)
