"""Pure: which host gets which object of a channel.

API S3DataSource$S3DataDistributionType says "approximately 1/n of the number of objects"; the order is not
established, ours is: keys sorted, object i to host i mod n.
"""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def assign_shards(objects: Sequence[T], hosts: Sequence[str]) -> dict[str, list[T]]:
    """The objects of each host. `objects` come sorted by key; with more hosts than objects some get none."""
    return {host: list(objects[index :: len(hosts)]) for index, host in enumerate(hosts)}
