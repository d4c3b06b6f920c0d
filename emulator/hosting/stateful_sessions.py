"""Which instance holds which stateful session (API InvokeEndpoint$SessionId)."""

from collections import OrderedDict

from emulator.domain.arn import ResourceKey
from emulator.hosting.routing import InstanceRoute

CAPACITY = 10_000
"""Sessions; beyond it the oldest are forgotten, and their requests go to any instance."""


class StatefulSessions:
    def __init__(self) -> None:
        self._instances: OrderedDict[tuple[ResourceKey, str], InstanceRoute] = OrderedDict()

    def find(self, key: ResourceKey, session_id: str | None) -> InstanceRoute | None:
        """None also where its instance is out of service."""
        instance = self._instances.get((key, session_id)) if session_id else None
        return instance if instance is not None and instance.is_in_service else None

    def note(self, key: ResourceKey, instance: InstanceRoute, opened: str | None, closed: str | None) -> None:
        """`opened` is the header New-Session-Id, `<id>; Expires=<time>`."""
        if opened:
            self._instances[key, opened.partition(";")[0].strip()] = instance
            if len(self._instances) > CAPACITY:
                self._instances.popitem(last=False)
        if closed:
            self._instances.pop((key, closed.strip()), None)
