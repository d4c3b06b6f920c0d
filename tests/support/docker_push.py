"""What `docker push` and `docker pull` do, request by request, in plain HTTP."""

import hashlib
import json
from typing import Any

import httpx

from tests.support import web

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


class Docker:
    """What `docker push` and `docker pull` do, request by request."""

    def __init__(self, endpoint: str, password: str = "") -> None:
        auth = {"auth": ("AWS", password)} if password else {}
        self.http = web.Client(base_url=endpoint, follow_redirects=True, trust_env=False)
        challenge = self.http.get("/v2/")
        assert challenge.status_code == 401
        realm = challenge.headers["WWW-Authenticate"].split('"')[1]
        token = self.http.get(realm, params={"service": "any"}, **auth).json()["token"]
        self.http.headers["Authorization"] = f"Bearer {token}"
        assert self.http.get("/v2/").status_code == 200

    def push_blob(self, name: str, data: bytes) -> dict[str, Any]:
        """As Docker does: begin, PATCH without a length, PUT with the digest."""
        begun = self.http.post(f"/v2/{name}/blobs/uploads/")
        assert begun.status_code == 202, begun.text
        pieces = iter([data[: len(data) // 2], data[len(data) // 2 :]])
        patched = self.http.patch(begun.headers["Location"], content=pieces)
        assert patched.status_code == 202, patched.text
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        location = httpx.URL(patched.headers["Location"]).copy_add_param("digest", digest)
        put = self.http.put(location)
        assert put.status_code == 201, put.text
        assert put.headers["Location"] == f"/v2/{name}/blobs/{digest}"
        return {"size": len(data), "digest": digest}

    def push(self, name: str, *tags: str, layer: bytes = b"layer") -> str:
        """Push an image, unique by its layer; its digest."""
        config = self.push_blob(name, json.dumps({"os": "linux", "of": layer.hex()}).encode())
        pushed = self.push_blob(name, layer)
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, **config},
            "layers": [{"mediaType": LAYER, **pushed}],
        }
        body = json.dumps(manifest).encode()
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        for tag in tags or (digest,):
            put = self.put_manifest(name, tag, body)
            assert put.status_code == 201, put.text
            assert put.headers["Docker-Content-Digest"] == digest
        return digest

    def push_and_close(self, name: str) -> None:
        self.push(name, "1")
        self.http.close()

    def put_manifest(self, name: str, tag: str, body: bytes) -> httpx.Response:
        return self.http.put(f"/v2/{name}/manifests/{tag}", content=body, headers={"Content-Type": MANIFEST})
