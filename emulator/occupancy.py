"""Who holds how much of this machine: training jobs, endpoints and transform jobs share one budget.

Kept in memory alone: after a restart each plane notes what its rows say before it admits anything new.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Holding:
    memory_bytes: int
    gpu_ids: frozenset[str] = frozenset()


class Occupancy:
    def __init__(self) -> None:
        self._holdings: dict[str, Holding] = {}
        self._listeners: list[Callable[[], None]] = []
        self._once: list[Callable[[], None]] = []
        self._waiting: set[str] = set()

    def on_release(self, listener: Callable[[], None]) -> None:
        """Call it whenever something is free again, or somebody begins to wait."""
        self._listeners.append(listener)

    def on_next_release(self, listener: Callable[[], None]) -> None:
        """Call it once."""
        self._once.append(listener)

    @contextmanager
    def waiting(self, arn: str) -> Iterator[None]:
        """Around the time in which an endpoint waits for room: what only waits for a next job may give way to it."""
        self._waiting.add(arn)
        for listener in self._listeners:
            listener()
        try:
            yield
        finally:
            self._waiting.discard(arn)

    @property
    def has_waiting(self) -> bool:
        return bool(self._waiting)

    def is_waiting(self, arn: str) -> bool:
        return arn in self._waiting

    def hold(self, arn: str, holding: Holding) -> None:
        """In place of what `arn` held before."""
        self._holdings[arn] = holding

    def release(self, arn: str) -> None:
        if self._holdings.pop(arn, None) is not None:
            once, self._once = self._once, []
            for listener in (*self._listeners, *once):
                listener()

    @property
    def memory_bytes(self) -> int:
        return sum(holding.memory_bytes for holding in self._holdings.values())

    @property
    def gpu_ids(self) -> frozenset[str]:
        return frozenset(gpu for holding in self._holdings.values() for gpu in holding.gpu_ids)

    def held(self, arn: str) -> Holding:
        """All parts of one holder together."""
        parts = [holding for name, holding in self._holdings.items() if name.partition("#")[0] == arn]
        gpus = frozenset(gpu for part in parts for gpu in part.gpu_ids)
        return Holding(sum(part.memory_bytes for part in parts), gpus)

    @property
    def holders(self) -> dict[str, int]:
        """ARN -> bytes of memory, the largest first: for whom somebody waits.

        Who holds several parts names them `<ARN>#<part>`.
        """
        found: Counter[str] = Counter()
        for name, holding in self._holdings.items():
            found[name.partition("#")[0]] += holding.memory_bytes
        return dict(found.most_common())
