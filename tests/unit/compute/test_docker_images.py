"""The order of the search, on an Engine that only knows names."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from docker.errors import APIError, ImageNotFound

from emulator.compute.docker_images import ImageFinder
from emulator.domain.failure_reason import JobFailure
from emulator.domain.image_source import ImageCandidate, ImageSource, ResolvedImage

S = ImageSource
ECR = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/a:1"
DIGEST = "sha256:" + "d" * 64


class Engine:
    """`has`: name -> RepoDigests; `registries`: name -> digest of what can be asked for and pulled."""

    def __init__(self, has: dict[str, list[str]], registries: dict[str, str]) -> None:
        self.has = dict(has)
        self.registries = registries
        self.pulled: list[str] = []

    def inspect_image(self, name: str) -> dict[str, Any]:
        if name not in self.has:
            raise ImageNotFound(f"No such image: {name}")
        return {"Id": f"sha256:id-of-{name}", "RepoDigests": self.has[name]}

    def inspect_distribution(self, name: str) -> dict[str, Any]:
        if name not in self.registries:
            raise api_error(404)
        return {"Descriptor": {"digest": self.registries[name]}}

    def pull(self, repository: str, tag: str, stream: bool, decode: bool) -> Iterator[dict[str, str]]:
        name = f"{repository}@{tag}" if tag.startswith("sha256:") else f"{repository}:{tag}"
        known = {name, *(n for n, d in self.registries.items() if d == tag)} & self.registries.keys()
        if not known:
            raise api_error(404, f"manifest for {name} not found")
        self.pulled.append(name)
        self.has[name] = [f"{repository}@{self.registries[known.pop()]}"]
        yield {"status": "Downloaded"}


def api_error(status: int, explanation: str = "not found") -> APIError:
    response = requests.Response()
    response.status_code = status
    return APIError("refused", response, explanation)


def finder(
    has: dict[str, list[str]] | None = None, registries: dict[str, str] | None = None, offline: bool = False
) -> tuple[ImageFinder, Engine]:
    engine = Engine(has or {}, registries or {})
    return ImageFinder(engine, offline), engine  # type: ignore[arg-type]


CANDIDATES = [
    ImageCandidate(S.ENGINE, ECR),
    ImageCandidate(S.ALIAS, "samples/a:latest", may_be_pulled=False),
    ImageCandidate(S.REGISTRY, "127.0.0.1:5000/111122223333/eu-west-1/a:1"),
    ImageCandidate(S.REMOTE, ECR),
]


@pytest.mark.parametrize(
    ("has", "registries", "found"),
    [
        ({ECR: []}, {}, ResolvedImage(f"sha256:id-of-{ECR}", f"sha256:id-of-{ECR}", S.ENGINE)),
        (
            {ECR: [f"other/a@{'sha256:0'}", f"{ECR.removesuffix(':1')}@{DIGEST}"]},
            {},
            ResolvedImage(f"sha256:id-of-{ECR}", DIGEST, S.ENGINE),
        ),
        (
            {"samples/a:latest": []},
            {CANDIDATES[2].name: DIGEST},
            ResolvedImage("sha256:id-of-samples/a:latest", "sha256:id-of-samples/a:latest", S.ALIAS),
        ),
        (
            {},
            {CANDIDATES[2].name: DIGEST, ECR: "sha256:another"},
            ResolvedImage(f"127.0.0.1:5000/111122223333/eu-west-1/a@{DIGEST}", DIGEST, S.REGISTRY),
        ),
        ({}, {ECR: DIGEST}, None),
    ],
)
def test_find_here_takes_the_first_that_is_there(
    has: dict[str, list[str]], registries: dict[str, str], found: ResolvedImage | None
) -> None:
    search, engine = finder(has, registries)
    assert search.find_here(CANDIDATES) == found
    assert engine.pulled == []


def test_find_remote_asks_ecr_and_trusts_other_registries() -> None:
    search, _ = finder({}, {ECR: DIGEST})
    assert search.find_remote(CANDIDATES) == ResolvedImage(
        f"{ECR.removesuffix(':1')}@{DIGEST}", DIGEST, S.REMOTE
    )
    search, _ = finder()
    assert search.find_remote(CANDIDATES) is None
    elsewhere = [ImageCandidate(S.REMOTE, "quay.io/a:1")]
    assert search.find_remote(elsewhere) == ResolvedImage("quay.io/a:1", None, S.REMOTE)


def test_fetch_pulls_by_digest_from_the_local_registry_also_offline() -> None:
    search, engine = finder({}, {CANDIDATES[2].name: DIGEST}, offline=True)
    pinned = f"127.0.0.1:5000/111122223333/eu-west-1/a@{DIGEST}"
    for _ in range(2):
        assert search.fetch(ECR, CANDIDATES) == ResolvedImage(pinned, DIGEST, S.REGISTRY)
    assert engine.pulled == [pinned], "the second time it is there already"


def test_fetch_pulls_what_is_nowhere_else() -> None:
    search, engine = finder({}, {ECR: DIGEST})
    assert search.fetch(ECR, CANDIDATES) == ResolvedImage(f"sha256:id-of-{ECR}", DIGEST, S.REMOTE)
    assert engine.pulled == [ECR]


def test_fetch_offline_does_not_pull_from_elsewhere() -> None:
    search, engine = finder({}, {ECR: DIGEST}, offline=True)
    with pytest.raises(JobFailure, match="pulling is off"):
        search.fetch(ECR, CANDIDATES)
    assert engine.pulled == []


def test_fetch_tells_what_the_engine_said() -> None:
    search, _ = finder()
    with pytest.raises(
        JobFailure, match=f"Cannot find the training image {ECR}: manifest for {ECR} not found"
    ):
        search.fetch(ECR, CANDIDATES)


def test_alias_of_the_user_is_pulled_before_the_image_itself() -> None:
    alias = ImageCandidate(S.ALIAS, "quay.io/mine:1")
    search, engine = finder({}, {"quay.io/mine:1": DIGEST, ECR: "sha256:another"})
    assert search.fetch(ECR, [CANDIDATES[0], alias, CANDIDATES[3]]).source is S.ALIAS
    assert engine.pulled == ["quay.io/mine:1"]


def test_require_pulls_again_what_was_removed() -> None:
    search, engine = finder({}, {f"127.0.0.1:5000/a@{DIGEST}": DIGEST})
    search.require(f"127.0.0.1:5000/a@{DIGEST}")
    assert engine.pulled == [f"127.0.0.1:5000/a@{DIGEST}"]
    with pytest.raises(JobFailure, match="Cannot find the training image sha256:gone"):
        search.require("sha256:gone")


@pytest.mark.parametrize("name", ["../containers", ".", "a/../../info", "http://host/a"])
def test_name_that_is_a_path_of_the_engines_api_is_nobodys(name: str) -> None:
    """The client puts names into URLs, which are then made shorter where they have dots."""
    images, _ = finder({name: []}, {name: DIGEST})
    candidates = [ImageCandidate(S.ENGINE, name), ImageCandidate(S.REGISTRY, name)]
    assert images.find_here(candidates) is None
