"""Pure: when managed spot training is interrupted without anybody asking, reproducibly."""

import math
import re
from dataclasses import dataclass
from random import Random

_FORM = re.compile(r"mean=(?P<mean>\d+(\.\d+)?)(,seed=(?P<seed>\d+))?(,most=(?P<most>\d+))?")


@dataclass(frozen=True)
class InterruptionSchedule:
    mean_seconds: float
    """Mean time that a run's containers live; the times are exponentially distributed."""
    seed: int = 0
    most: int = 2
    """Interruptions of one job."""

    @classmethod
    def parse(cls, text: str) -> "InterruptionSchedule":
        """`mean=SECONDS[,seed=N][,most=N]`. Raises ValueError."""
        match = _FORM.fullmatch(text.replace(" ", ""))
        if match is None or float(match["mean"]) == 0:
            raise ValueError("write it as mean=SECONDS,seed=N,most=N, for example mean=60,seed=7,most=2")
        return cls(float(match["mean"]), int(match["seed"] or 0), int(match["most"] or 2))

    def seconds(self, job_name: str, number: int) -> float | None:
        """How long the containers run before interruption `number` (from 0); None where there is none."""
        if number >= self.most:
            return None
        share = Random(f"{self.seed}/{job_name}/{number}").random()
        return -math.log(1.0 - share) * self.mean_seconds
