"""For programs that use the emulator: sends AWS clients, the SageMaker Python SDK included, to it.

Only the standard library is imported, so `pip install --no-deps sagemaker-training-emulator` is enough beside any SDK.
"""

import importlib
import os
from contextlib import ExitStack
from types import ModuleType, TracebackType

DEFAULT_ENDPOINT = "http://127.0.0.1:4567"
DEFAULT_REGION = "us-east-1"

OVERRIDING = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
"""Variables by which a client would pass over those of `environment`."""

STS_HELPER = "sts_regional_endpoint"
"""Gives `https://sts.<region>.amazonaws.com` to clients that are then deaf to AWS_ENDPOINT_URL."""

STS_MODULES = (
    "sagemaker.utils",  # SDK v2
    "sagemaker.session",
    "sagemaker.core.common_utils",  # SDK v3
    "sagemaker.core.helper.session_helper",
)


def environment(endpoint: str = DEFAULT_ENDPOINT, region: str = DEFAULT_REGION) -> dict[str, str]:
    """Variables that boto3, the AWS CLI and the SDKs of other languages read. AWS_REGION is JavaScript's and Go's."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": region,
        "AWS_REGION": region,
    }


def activate(endpoint: str | None = None, region: str | None = None) -> "Activation":
    """Send this process's AWS clients, and SDK v2's and v3's own STS addresses, to the emulator.

    A call that lasts, or a context manager that undoes it. It concerns clients made from then on. Without arguments
    AWS_ENDPOINT_URL and AWS_DEFAULT_REGION decide where they are set.
    """
    endpoint = endpoint or os.environ.get("AWS_ENDPOINT_URL") or DEFAULT_ENDPOINT
    region = region or os.environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION
    with ExitStack() as undo:
        for name in OVERRIDING:
            set_variable(undo, name, None)
        variables = environment(endpoint, region)
        if is_account_id(os.environ.get("AWS_ACCESS_KEY_ID", "")):
            del variables["AWS_ACCESS_KEY_ID"]
        for name, value in variables.items():
            set_variable(undo, name, value)
        for module in installed_sts_modules():
            undo.callback(setattr, module, STS_HELPER, getattr(module, STS_HELPER))
            setattr(module, STS_HELPER, lambda _region: endpoint)
        return Activation(endpoint, undo.pop_all())


def is_account_id(access_key: str) -> bool:
    """With such a key a caller chooses the account at the emulator."""
    return len(access_key) == 12 and access_key.isdecimal()


def set_variable(undo: ExitStack, name: str, value: str | None) -> None:
    """Set or, with None, remove an environment variable, and put its undoing on the stack."""
    before = os.environ.pop(name, None)
    if before is None:
        undo.callback(os.environ.pop, name, None)
    else:
        undo.callback(os.environ.__setitem__, name, before)
    if value is not None:
        os.environ[name] = value


def installed_sts_modules() -> list[ModuleType]:
    """Modules of the installed SDK, if any, that know STS's public address. All are imported before any is changed."""
    modules = []
    for name in STS_MODULES:
        try:
            modules.append(importlib.import_module(name))
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != "sagemaker":
                raise  # the SDK is there, but something that it needs is not
    return [module for module in modules if hasattr(module, STS_HELPER)]


class Activation:
    """What `activate` did, until `deactivate` or the end of the `with` block."""

    def __init__(self, endpoint: str, undo: ExitStack) -> None:
        self.endpoint = endpoint
        self._undo = undo

    def deactivate(self) -> None:
        """Restore the environment and the SDK. Once is enough; more is no error."""
        self._undo.close()

    def __enter__(self) -> "Activation":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.deactivate()
