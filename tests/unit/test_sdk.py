import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.sdk import OVERRIDING, activate, environment

PUBLIC = "def sts_regional_endpoint(region):\n    return f'https://sts.{region}.amazonaws.com'\n"
V2 = {
    "__init__.py": "",
    "utils.py": PUBLIC,
    "session.py": "from sagemaker.utils import sts_regional_endpoint\n",
}
V3 = {"core/common_utils.py": PUBLIC, "core/helper/session_helper.py": PUBLIC}
V2_MODULES = ["sagemaker.utils", "sagemaker.session"]
V3_MODULES = ["sagemaker.core.common_utils", "sagemaker.core.helper.session_helper"]


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """On sys.path, for an SDK of the test's own."""
    monkeypatch.syspath_prepend(tmp_path)
    for name in (*environment(), *OVERRIDING):
        monkeypatch.delenv(name, raising=False)
    yield tmp_path
    for name in [name for name in sys.modules if name.split(".")[0] == "sagemaker"]:
        del sys.modules[name]


def install(directory: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        file = directory / "sagemaker" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    importlib.invalidate_caches()


def sts_endpoints(modules: list[str]) -> list[str]:
    return [importlib.import_module(name).sts_regional_endpoint("eu-west-1") for name in modules]


@pytest.mark.parametrize(("files", "modules"), [(V2, V2_MODULES), (V3, V3_MODULES)], ids=["v2", "v3"])
def test_sdk_asks_the_emulator_for_the_account_until_the_block_ends(
    directory: Path, files: dict[str, str], modules: list[str]
) -> None:
    install(directory, files)

    with activate("http://127.0.0.1:9"):
        assert sts_endpoints(modules) == ["http://127.0.0.1:9"] * 2

    assert sts_endpoints(modules) == ["https://sts.eu-west-1.amazonaws.com"] * 2


def test_call_lasts_until_it_is_deactivated(directory: Path) -> None:
    install(directory, V2)

    activation = activate("http://127.0.0.1:9")
    assert sts_endpoints(V2_MODULES) == ["http://127.0.0.1:9"] * 2
    activation.deactivate()
    activation.deactivate()

    assert sts_endpoints(V2_MODULES) == ["https://sts.eu-west-1.amazonaws.com"] * 2


def test_environment_leads_to_the_emulator_and_is_restored(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "real")
    before = dict(os.environ)

    with activate("http://127.0.0.1:9", "eu-west-1"):
        inside = dict(os.environ)

    assert inside.items() >= environment("http://127.0.0.1:9", "eu-west-1").items()
    assert "AWS_PROFILE" not in inside
    assert dict(os.environ) == before


def test_without_arguments_the_environment_decides(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with activate() as activation:
        assert (activation.endpoint, os.environ["AWS_REGION"]) == ("http://127.0.0.1:4567", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://emulator:1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")

    with activate() as activation:
        assert (activation.endpoint, os.environ["AWS_REGION"]) == ("http://emulator:1", "eu-central-1")


def test_sdk_that_lacks_a_dependency_is_an_error_and_changes_nothing(directory: Path) -> None:
    install(directory, {**V2, "utils.py": "import no_such_dependency\n"})
    before = dict(os.environ)

    with pytest.raises(ModuleNotFoundError, match="no_such_dependency"):
        activate()

    assert dict(os.environ) == before


def test_module_without_the_address_is_left_alone(directory: Path) -> None:
    install(directory, {"__init__.py": "", "utils.py": PUBLIC, "session.py": "own = 1\n"})

    with activate("http://127.0.0.1:9"):
        assert sts_endpoints(["sagemaker.utils"]) == ["http://127.0.0.1:9"]
        assert not hasattr(importlib.import_module("sagemaker.session"), "sts_regional_endpoint")


@pytest.mark.parametrize(("key", "used"), [("111122223333", "111122223333"), ("AKIAREAL", "test")])
def test_access_key_stays_only_where_it_names_an_account(
    directory: Path, monkeypatch: pytest.MonkeyPatch, key: str, used: str
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)

    with activate():
        assert os.environ["AWS_ACCESS_KEY_ID"] == used
    assert os.environ["AWS_ACCESS_KEY_ID"] == key
