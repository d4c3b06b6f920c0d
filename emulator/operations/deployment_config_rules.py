"""Rules of a DeploymentConfig: what is emulated is blue/green with all traffic at once, AWS's default."""

from collections.abc import Iterator

from emulator.domain import errors
from emulator.domain.errors import ServiceError, validation_error
from emulator.operations.rule import Document, not_emulated_members


def check_deployment_config(config: Document) -> None:
    """Raise the ServiceError of the first rule that the validated structure breaks.

    Waiting periods and the time limit are taken and only told again: nothing of them changes what serves requests.
    """
    for error in _faults(config):
        raise error


def _faults(config: Document) -> Iterator[ServiceError]:
    if "BlueGreenUpdatePolicy" in config and "RollingUpdatePolicy" in config:
        yield validation_error("Only one update policy can be used in a DeploymentConfig.")
    yield from not_emulated_members(config, ["RollingUpdatePolicy"], "DeploymentConfig")
    if config.get("AutoRollbackConfiguration", {}).get("Alarms"):
        yield errors.not_emulated("AutoRollbackConfiguration", "a list of Alarms", "Leave it out.")
    routing = config.get("BlueGreenUpdatePolicy", {}).get("TrafficRoutingConfiguration", {})
    kind = routing.get("Type", "ALL_AT_ONCE")
    if kind != "ALL_AT_ONCE":
        yield errors.not_emulated("the Type of a TrafficRoutingConfiguration", kind, "Use ALL_AT_ONCE.")
    for member in ("CanarySize", "LinearStepSize"):
        if member in routing:
            yield validation_error(f"{member} cannot be given with Type ALL_AT_ONCE.")
