"""Pure: paths of the distribution API, ours (`/v2/NAME/...`) and the registry's (`/v2/ACCOUNT/REGION/NAME/...`)."""

import re
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from emulator.domain.ecr import EcrRegistry, RepositoryKey

_PATH = re.compile(r"/v2/(?P<name>.+)/(?P<kind>manifests|blobs|tags|referrers)/(?P<rest>.+)")
_NAME = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*")


class RequestPath(NamedTuple):
    name: str
    """Of the repository."""
    kind: str
    rest: str
    """Tag or digest of a manifest; digest of a blob, or `uploads/...`."""

    def upstream(self, key: RepositoryKey) -> str:
        return f"/v2/{key.path}/{self.kind}/{quote(self.rest, safe='/:+@=~')}"


def parse_path(path: str) -> RequestPath | None:
    """None for what is no request to a repository. `path` is decoded."""
    match = _PATH.fullmatch(path)
    if match is None or not _NAME.fullmatch(match["name"]) or ".." in match["rest"].split("/"):
        return None
    return RequestPath(match["name"], match["kind"], match["rest"])


def upstream_query(query: str, registry: EcrRegistry) -> str:
    """`from` names the repository that a layer is to be mounted from."""
    pairs = parse_qsl(query, keep_blank_values=True)
    return urlencode([(n, RepositoryKey(*registry, v).path if n == "from" else v) for n, v in pairs])


def own_location(location: str, registry_url: str, registry: EcrRegistry) -> str:
    """A Location of the registry as one of ours; those that lead elsewhere, such as to a storage, stay."""
    prefix = f"/v2/{registry.account_id}/{registry.region}/"
    parts, base = urlsplit(location), urlsplit(registry_url)
    is_its_own = parts.netloc in ("", base.netloc)
    if not is_its_own or not parts.path.startswith(prefix):
        return location
    query = f"?{parts.query}" if parts.query else ""
    return f"/v2/{parts.path.removeprefix(prefix)}{query}"


def own_link(link: str, registry: EcrRegistry) -> str:
    """A Link header, which leads to the next page of tags."""
    return link.replace(f"/v2/{registry.account_id}/{registry.region}/", "/v2/")
