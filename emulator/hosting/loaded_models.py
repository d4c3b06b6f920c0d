"""Which models a multi-model container has in memory: loaded at the first request, unloaded when memory runs out.

The protocol is that of DG "Build your own container for SageMaker multi-model endpoints".
"""

import json
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple
from urllib.parse import quote
from weakref import WeakKeyDictionary

import anyio

from emulator.domain.arn import ResourceKey
from emulator.hosting.background import Background
from emulator.hosting.container_client import ContainerAnswer, ContainerClient
from emulator.hosting.container_message import ContainerFault
from emulator.hosting.invocation_body import whole_body
from emulator.hosting.invocation_errors import ORIGINAL_MESSAGE_LIMIT, model_error, model_not_ready
from emulator.hosting.routing import ContainerRoute, InstanceRoute

READY_LIMIT = 60.0
"""Seconds that a request waits for its model (API ModelNotReadyException); loading goes on after them."""

LOAD_LIMIT = 360.0
"""Seconds that a container may take to load one model (DG invoke-multi-model-endpoint, there with the download)."""

INSUFFICIENT_MEMORY, ALREADY_LOADED = 507, 409
LIST_LIMIT = 1024 * 1024
"""Bytes of a container's list of models."""


@dataclass(eq=False)
class _Model:
    name: str = ""
    """What the container knows it by."""
    users: int = 0
    fault: Exception | None = None
    ready: anyio.Event = field(default_factory=anyio.Event)
    """It is loaded, or `fault` tells why not."""


@dataclass(eq=False)
class _Shelf:
    """One instance's models by TargetModel; the least recently used is the first."""

    models: OrderedDict[str, _Model] = field(default_factory=OrderedDict)
    loading: anyio.Lock = field(default_factory=anyio.Lock)
    freed: anyio.Event = field(default_factory=anyio.Event)

    def note_free(self) -> None:
        self.freed.set()
        self.freed = anyio.Event()

    def end_use(self, model: _Model) -> None:
        model.users -= 1
        if not model.users:
            self.note_free()

    async def least_used(self) -> str | None:
        """A model that no request uses, when there is one; None where nothing is loaded."""
        while loaded := {target: each for target, each in self.models.items() if each.ready.is_set()}:
            free = next((target for target, each in loaded.items() if not each.users), None)
            if free is not None:
                return free
            await self.freed.wait()
        return None


class ModelInUse(NamedTuple):
    path: str
    """To invoke it by."""
    end: Callable[[], None]
    """It stays loaded until this is called."""


@dataclass(frozen=True)
class Place:
    """One container of one instance."""

    key: ResourceKey
    instance: InstanceRoute
    container: ContainerRoute
    url: str


class LoadedModels:
    def __init__(
        self, client: ContainerClient, background: Background, ready_limit: float = READY_LIMIT
    ) -> None:
        self._client = client
        self._background = background
        self._ready_limit = ready_limit
        self._shelves: WeakKeyDictionary[InstanceRoute, _Shelf] = WeakKeyDictionary()

    def has(self, instance: InstanceRoute, target_model: str) -> bool:
        shelf = self._shelves.get(instance)
        return shelf is not None and target_model in shelf.models

    async def use(self, place: Place, target_model: str) -> ModelInUse:
        """Raises ServiceError or ContainerFault."""
        shelf = self._shelves.setdefault(place.instance, _Shelf())
        model = shelf.models.get(target_model)
        if model is None:
            model = shelf.models[target_model] = _Model()
            self._background.start(self._load, place, shelf, target_model, model)
        shelf.models.move_to_end(target_model)
        model.users += 1
        try:
            with anyio.move_on_after(self._ready_limit):
                await model.ready.wait()
            if not model.ready.is_set():
                raise model_not_ready(target_model)
            if model.fault is not None:
                raise model.fault
        except BaseException:
            shelf.end_use(model)
            raise
        return ModelInUse(f"/models/{model.name}/invoke", partial(shelf.end_use, model))

    async def _load(self, place: Place, shelf: _Shelf, target_model: str, model: _Model) -> None:
        try:
            async with shelf.loading:
                await self._load_now(place, shelf, target_model, model)
        except Exception as fault:
            model.fault = fault
            del shelf.models[target_model]
        finally:
            model.ready.set()

    async def _load_now(self, place: Place, shelf: _Shelf, target_model: str, model: _Model) -> None:
        files = place.container.model_files
        assert files is not None
        path = await files.load(place.instance, target_model)
        model.name = path.split("/")[-2]
        request = json.dumps({"model_name": model.name, "url": path}).encode()
        while True:
            status, text = await self._ask(place, "POST", "/models", request)
            if status in (200, ALREADY_LOADED):
                return
            if status != INSUFFICIENT_MEMORY or not await self._unload_one(place, shelf):
                await files.delete(place.instance, target_model)
                raise model_error(place.key, place.container.name, status, text)

    async def _unload_one(self, place: Place, shelf: _Shelf) -> bool:
        """Whether there was one to unload. Those from before a restart of the emulator are asked for."""
        target = await shelf.least_used()
        if target is None:
            stranger = await self._find_stranger(place)
            return stranger is not None and await self._unload(place, stranger)
        model = shelf.models.pop(target)
        is_gone = await self._unload(place, model.name)
        assert place.container.model_files is not None
        await place.container.model_files.delete(place.instance, target)
        return is_gone

    async def _unload(self, place: Place, name: str) -> bool:
        status, _ = await self._ask(place, "DELETE", f"/models/{quote(name, safe='')}")
        return status in (200, 404)

    async def _find_stranger(self, place: Place) -> str | None:
        status, text = await self._ask(place, "GET", "/models", limit=LIST_LIMIT)
        try:
            listed = json.loads(text)["models"] if status == 200 else []
            return next((str(each["modelName"]) for each in listed), None)
        except (ValueError, KeyError, TypeError):
            return None

    async def _ask(
        self, place: Place, method: str, path: str, body: bytes = b"", limit: int = ORIGINAL_MESSAGE_LIMIT
    ) -> tuple[int, str]:
        headers = {"Content-Type": "application/json"} if body else {}
        sending = self._client.send(method, place.url + path, headers, whole_body(body), LOAD_LIMIT)
        async with sending as answer:
            return answer.status, await _text(answer, limit)


async def _text(answer: ContainerAnswer, limit: int) -> str:
    start, is_whole = await answer.read_start(limit)
    if not is_whole:
        raise ContainerFault("the container broke off its answer")
    return start.decode("utf-8", "replace")
