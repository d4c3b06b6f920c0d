"""What happens to a job that this machine can never hold."""

from enum import StrEnum


class Misfit(StrEnum):
    SCALE = "scale"
    STRICT = "strict"
