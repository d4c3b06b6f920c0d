"""One instance's containers, one after the other: what the first answers is what the second is asked."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from emulator.domain.arn import ResourceKey
from emulator.hosting.container_client import ContainerAnswer, ContainerClient
from emulator.hosting.container_message import ContainerFault, ContainerUnreachable
from emulator.hosting.invocation_body import InvocationBody
from emulator.hosting.invocation_errors import (
    ORIGINAL_MESSAGE_LIMIT,
    InvocationError,
    container_not_found,
    model_error,
    timed_out,
)
from emulator.hosting.invocation_request import InvocationRequest
from emulator.hosting.loaded_models import LoadedModels, Place
from emulator.hosting.routing import ContainerRoute, InstanceRoute, VariantRoute


class Stage(NamedTuple):
    container: ContainerRoute
    url: str
    is_last: bool


class _Given(NamedTuple):
    """What a container is asked."""

    body: InvocationBody
    content_type: str | None = None
    """That of the answer before; None for what the caller sent."""
    giver: str = ""
    """The container before; empty for the caller."""


@dataclass
class ContainerPipeline:
    """One request's way through one instance."""

    client: ContainerClient
    models: LoadedModels
    request: InvocationRequest
    instance: InstanceRoute
    answers: list[ContainerAnswer] = field(default_factory=list)
    """Appended to: of all containers that answered."""
    _taken: list[Callable[[], None]] = field(default_factory=list, init=False)
    """Gives back what this request uses."""

    async def ask(self, variant: VariantRoute) -> ContainerAnswer:
        """The last container's answer, a success, whose body may be read until `end`, which has to follow in any case.

        Raises ServiceError; ContainerUnreachable where the first container has seen nothing of the request.
        """
        given = _Given(self.request.body)
        for stage in stages(self.request, variant, self.instance):
            answer = await self._pass(stage, given)
            if not answer.is_success:
                raise await refused(self.request.key, stage.container.name, answer)
            if not stage.is_last:
                body = InvocationBody(answer.chunks(), answer.length, answer.content)
                given = _Given(body, answer.headers.get("Content-Type"), stage.container.name)
        return answer

    def end(self) -> None:
        while self._taken:
            self._taken.pop()()

    async def _pass(self, stage: Stage, given: _Given) -> ContainerAnswer:
        name = stage.container.name
        try:
            url = stage.url + await self._path(stage)
            headers = self.request.container_headers(stage.is_last, given.content_type)
            answer = await self.client.ask("POST", url, headers, given.body, self.request.limit)
            self._taken.append(partial(self.client.give_back, answer.connection))
            self.answers.append(answer)
            return answer
        except ContainerFault as fault:
            if isinstance(fault, ContainerUnreachable):
                self.instance.avoid()
                if not given.giver:
                    raise
            culprit = given.giver if fault is given.body.fault else name
            raise broken(self.request.key, culprit, fault) from fault

    async def _path(self, stage: Stage) -> str:
        target = self.request.text("TargetModel")
        if stage.container.model_files is None or target is None:
            return "/invocations"
        place = Place(self.request.key, self.instance, stage.container, stage.url)
        model = await self.models.use(place, target)
        self._taken.append(model.end)
        return model.path


def broken(key: ResourceKey, container: str, fault: ContainerFault) -> InvocationError:
    """Of a container that did not answer."""
    return model_error(key, container, 0, timed_out(container) if fault.is_timeout else str(fault))


async def refused(key: ResourceKey, container: str, answer: ContainerAnswer) -> InvocationError:
    """Of a container whose answer is no success."""
    start, is_whole = await answer.read_start(ORIGINAL_MESSAGE_LIMIT)
    return model_error(key, container, answer.status, start.decode("utf-8", "replace"), is_whole)


def stages(request: InvocationRequest, variant: VariantRoute, instance: InstanceRoute) -> list[Stage]:
    """All containers, or the one that a direct invocation names. Raises ServiceError."""
    pairs = list(zip(variant.containers, instance.urls, strict=True))
    if variant.is_direct:
        wanted = request.text("TargetContainerHostname")
        pairs = [pair for pair in pairs if pair[0].name == wanted]
        if not pairs:
            raise container_not_found(str(wanted), request.key.name)
    return [Stage(*pair, position == len(pairs)) for position, pair in enumerate(pairs, start=1)]
