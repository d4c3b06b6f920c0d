"""Which part of the emulator's state a reset takes away."""

from typing import NamedTuple


class ResetScope(NamedTuple):
    """One account, one Region, both or, with neither, everything."""

    account_id: str | None = None
    region: str | None = None

    def holds(self, account_id: str, region: str) -> bool:
        return self.account_id in (None, account_id) and self.region in (None, region)

    def where(self) -> tuple[str, tuple[str, ...]]:
        """A condition on the columns `account_id` and `region`, and its parameters."""
        chosen = {name: value for name, value in self._asdict().items() if value is not None}
        return " AND ".join(f"{name} = ?" for name in chosen) or "1", tuple(chosen.values())

    def arn_pattern(self) -> str:
        """For SQLite's GLOB: SageMaker's ARNs in the scope, whose members hold no wildcards (see reset.py)."""
        return f"arn:*:sagemaker:{self.region or '*'}:{self.account_id or '*'}:*"
