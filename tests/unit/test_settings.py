from collections.abc import Mapping
from ipaddress import IPv4Network
from pathlib import Path

import pytest
from pydantic import ValidationError

from emulator.domain.misfit import Misfit
from emulator.settings import PREFIX, MemorySize, Settings
from emulator.settings_page import settings_page

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"{PREFIX}{name.upper()}", raising=False)


def read(monkeypatch: pytest.MonkeyPatch, values: Mapping[str, str]) -> Settings:
    for name, value in values.items():
        monkeypatch.setenv(f"{PREFIX}{name}", value)
    return Settings()


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("1B", 1),
        ("1K", 2**10),
        ("512MiB", 512 * 2**20),
        ("512 MiB", 512 * 2**20),
        ("1.5GiB", 3 * 2**29),
        ("12g", 12 * 2**30),
        ("12gb", 12 * 2**30),
        (" 2TiB ", 2**41),
    ],
)
def test_memory_size_of_a_fixed_size(text: str, size: int) -> None:
    assert MemorySize(text).of(7) == size
    assert MemorySize(text).bytes == size


@pytest.mark.parametrize(("text", "size"), [("80%", 800), ("12.5 %", 125), ("100%", 1_000), ("150%", 1_500)])
def test_memory_size_of_a_share(text: str, size: int) -> None:
    assert MemorySize(text).of(1_000) == size


@pytest.mark.parametrize(
    "text",
    ["", "-1", "GiB", "1 000", "1,5GiB", "1e9", "80 percent", "1PiB", "nan", "1GiBx"],
)
def test_memory_size_refuses_and_says_how_to_write_it(text: str) -> None:
    with pytest.raises(ValueError, match="is no size; write for example 80%, 12GiB or a number of bytes"):
        MemorySize(text)


@pytest.mark.parametrize(
    "setting", [{"memory_budget": "0"}, {"memory_budget": "0%"}, {"reserved_memory": "10%"}]
)
def test_settings_refuse_a_size_that_makes_no_sense(setting: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Settings(**setting)  # type: ignore[arg-type]


def test_settings_take_no_reservation() -> None:
    assert MemorySize(Settings(reserved_memory="0").reserved_memory).bytes == 0


def test_settings_have_their_defaults() -> None:
    settings = Settings()

    assert (settings.host, settings.port) == ("127.0.0.1", 4567)
    assert (settings.region, settings.account_id) == ("us-east-1", "123456789012")
    assert settings.s3_endpoint_url is None
    assert settings.memory_policy is settings.gpu_policy is Misfit.SCALE
    assert (settings.reserved_memory, settings.reserved_memory_percent) == ("512MiB", 7.0)
    assert settings.network_pool == IPv4Network("10.213.0.0/16")
    assert settings.data_dir.is_absolute()


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(
        monkeypatch,
        {
            "PORT": "0",
            "DATA_DIR": "/data",
            "MEMORY_POLICY": "strict",
            "GPU_IDS": "0, GPU-1a",
            "ALLOWED_HOSTS": "ML.lan, .svc.local",
            "NETWORK_POOL": "10.9.0.0/20",
            "OFFLINE": "true",
            "S3_SECRET_KEY": "very-secret",
        },
    )

    assert (settings.port, settings.data_dir) == (0, Path("/data"))
    assert settings.memory_policy is Misfit.STRICT
    assert settings.gpu_ids == ("0", "GPU-1a")
    assert settings.allowed_hosts == ("ml.lan", ".svc.local")
    assert settings.network_pool == IPv4Network("10.9.0.0/20")
    assert settings.offline is True
    assert "very-secret" not in repr(settings)


def test_settings_map_file_systems_to_directories(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch, {"FILE_SYSTEMS": "fs-0123456789=/srv/data, fs-9 = /mnt/a=b ,"})

    assert settings.file_systems == {"fs-0123456789": Path("/srv/data"), "fs-9": Path("/mnt/a=b")}
    assert Settings(file_systems={"fs-1": Path("/a")}).file_systems == {"fs-1": Path("/a")}


def test_settings_take_an_empty_variable_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose files pass `${NAME:-}` on."""
    settings = read(monkeypatch, dict.fromkeys((name.upper() for name in Settings.model_fields), ""))

    assert settings == Settings()
    assert settings.port == 4567


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "-1"),
        ("PORT", "65536"),
        ("PORT", "http"),
        ("ACCOUNT_ID", "12345"),
        ("ACCOUNT_ID", "1234567890123"),
        ("MEMORY_BUDGET", "lots"),
        ("MEMORY_POLICY", "lenient"),
        ("RESERVED_MEMORY", "x"),
        ("RESERVED_MEMORY_PERCENT", "100"),
        ("RESERVED_MEMORY_PERCENT", "-1"),
        ("NETWORK_POOL", "10.0.0.1/8"),
        ("NETWORK_POOL", "fd00::/8"),
        ("INPUT_VIEW", "magic"),
        ("TIME_SCALE", "0"),
        ("EVENTS_URL", "ftp://127.0.0.1/hook"),
        ("EVENTS_URL", "http://"),
        ("ON_SHUTDOWN", "explode"),
        ("OFFLINE", "maybe"),
        ("ALLOWED_HOSTS", "ml.lan:4567"),
        ("ALLOWED_HOSTS", "*.ml.lan"),
        ("FILE_SYSTEMS", "fs-1"),
        ("FILE_SYSTEMS", "fs-1=data"),
        ("FILE_SYSTEMS", "data=/srv"),
        ("FILE_SYSTEMS", "fs-1=/a,fs-1=/b"),
    ],
)
def test_settings_refuse(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        read(monkeypatch, {name: value})

    assert [error["loc"] for error in refusal.value.errors()] == [(name.lower(),)]


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().port = 1


def test_every_setting_has_a_description() -> None:
    undocumented = [name for name, field in Settings.model_fields.items() if not field.description]

    assert undocumented == []


def test_settings_page_lists_every_setting() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert page == settings_page(), "write docs/settings.md anew: it is what settings_page() returns"
    rows = [line for line in page.splitlines() if line.startswith(f"| `{PREFIX}")]
    assert len(rows) == len(Settings.model_fields)
    assert all(row.count("|") - row.count("\\|") == 4 for row in rows)


def test_settings_page_is_the_same_on_every_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/elsewhere")
    monkeypatch.setenv(f"{PREFIX}PORT", "1")

    assert settings_page() == PAGE.read_text(encoding="utf-8")
