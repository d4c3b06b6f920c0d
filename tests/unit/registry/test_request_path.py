import pytest

from emulator.domain.ecr import EcrRegistry, RepositoryKey
from emulator.registry.request_path import RequestPath, own_link, own_location, parse_path, upstream_query

WHOSE = EcrRegistry("111122223333", "eu-west-1")
URL = "http://127.0.0.1:5000"
OURS = "/v2/111122223333/eu-west-1"


@pytest.mark.parametrize(
    ("path", "parsed"),
    [
        ("/v2/a/manifests/1", RequestPath("a", "manifests", "1")),
        ("/v2/team/a/blobs/sha256:ab", RequestPath("team/a", "blobs", "sha256:ab")),
        ("/v2/a/blobs/uploads/", RequestPath("a", "blobs", "uploads/")),
        ("/v2/a/blobs/uploads/some-id", RequestPath("a", "blobs", "uploads/some-id")),
        ("/v2/a/tags/list", RequestPath("a", "tags", "list")),
        ("/v2/blobs/manifests/manifests/x", RequestPath("blobs/manifests", "manifests", "x")),
    ],
)
def test_path_is_parsed(path: str, parsed: RequestPath) -> None:
    assert parse_path(path) == parsed


@pytest.mark.parametrize(
    "path",
    [
        "/v2/",
        "/v2/_catalog",
        "/v2/A/manifests/1",
        "/v2/../a/manifests/1",
        "/v2/a/../../b/manifests/1",
        "/v2/a/blobs/uploads/../../../../b/manifests/1",
        "/v2/a//b/manifests/1",
        "/v2/manifests/1",
        "/v2/a/other/1",
    ],
)
def test_path_of_no_repository(path: str) -> None:
    parsed = parse_path(path)
    assert parsed is None


def test_upstream_path_has_account_and_region() -> None:
    key = RepositoryKey(*WHOSE, "team/a")
    assert RequestPath("team/a", "manifests", "1").upstream(key) == f"{OURS}/team/a/manifests/1"
    assert RequestPath("team/a", "manifests", "1?x=#").upstream(key) == f"{OURS}/team/a/manifests/1%3Fx=%23"


def test_upstream_query_maps_the_repository_to_mount_from() -> None:
    query = upstream_query("mount=sha256%3Aab&from=team%2Fb&_state=a%2Bb%3D", WHOSE)
    assert query == "mount=sha256%3Aab&from=111122223333%2Feu-west-1%2Fteam%2Fb&_state=a%2Bb%3D"


@pytest.mark.parametrize(
    ("location", "ours"),
    [
        (f"{OURS}/a/blobs/uploads/1?_state=x%3D", "/v2/a/blobs/uploads/1?_state=x%3D"),
        (f"{URL}{OURS}/a/blobs/uploads/1", "/v2/a/blobs/uploads/1"),
        (f"http://storage:9000{OURS}/a", f"http://storage:9000{OURS}/a"),
        ("/elsewhere", "/elsewhere"),
    ],
)
def test_location_is_one_of_ours(location: str, ours: str) -> None:
    assert own_location(location, URL, WHOSE) == ours


def test_link_to_the_next_page_is_one_of_ours() -> None:
    link = f'<{OURS}/a/tags/list?last=1&n=1>; rel="next"'
    assert own_link(link, WHOSE) == '</v2/a/tags/list?last=1&n=1>; rel="next"'
