"""Pure: which units of a channel a host reads in an epoch, and in which order.

API Channel$ShuffleConfig: in Pipe mode shuffling is done at the start of every epoch, and with ShardedByS3Key
what a host gets may change from epoch to epoch. The algorithm is not established; ours needs nothing but the
seed and the number of the epoch, so every host, and the emulator after a restart, comes to the same result.
"""

import random
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from emulator.training.sharding import assign_shards

T = TypeVar("T")


def shuffled(units: Sequence[T], seed: int, epoch: int) -> list[T]:
    """All units, in the order of this seed and epoch."""
    order = list(units)
    random.Random(f"{seed}/{epoch}").shuffle(order)
    return order


class Share(NamedTuple):
    """Which part of a channel is one host's."""

    host: str
    hosts: Sequence[str]
    """All that receive the channel, in the order in which they get units."""
    is_sharded: bool = False
    seed: int | None = None
    """None: no ShuffleConfig."""


def epoch_units(units: Sequence[T], share: Share, epoch: int) -> Sequence[T]:
    """What the host reads in the epoch.

    The shards of an epoch are a partition of the units: all hosts shuffle alike, then each takes its share.
    """
    ordered = units if share.seed is None else shuffled(units, share.seed, epoch)
    return assign_shards(ordered, share.hosts)[share.host] if share.is_sharded else ordered
