"""169.254.170.2, where AWS's SDKs ask for a container's credentials, as an address of the emulator for one cluster.

No SDK takes them over HTTP from a gateway's address. This machine does not get the address, which may be in use on it:
a rule of iptables sends what the cluster's subnet has for it to our entrance at the gateway, and nobody else's. The
rule bears the cluster's name, so that it is found again after a restart.
"""

import shlex
import subprocess
from ipaddress import IPv4Address, IPv4Network

from emulator.domain.failure_reason import internal_error

ADDRESS = "169.254.170.2"
"""Source: API Reference of the SDKs, "Container credential provider"."""

_TABLE = ("iptables", "--wait", "10", "--table", "nat")
_LIMIT = 30
"""Seconds for one call of iptables."""


def open_credentials_address(cluster: str, subnet: IPv4Network, gateway: IPv4Address, port: int) -> None:
    """Idempotent; blocking. Raises JobFailure where it cannot be done.

    A cluster that has a rule, from before a restart, is not without one: the new one comes before the old one goes.
    """
    old = _rules(cluster)
    made = _run("--insert", *credentials_rule(cluster, subnet, gateway, port))
    if made.returncode != 0:
        raise cannot_have_address(made.stderr.strip())
    _delete(old)


def close_credentials_address(cluster: str) -> None:
    """No error where it is not open, nor where there is no iptables to ask. Blocking."""
    _delete(_rules(cluster))


def credentials_rule(cluster: str, subnet: IPv4Network, gateway: IPv4Address, port: int) -> list[str]:
    """The arguments that stand behind `--insert`."""
    match = ["--source", str(subnet), "--destination", ADDRESS, "--protocol", "tcp", "--dport", "80"]
    comment = ["--match", "comment", "--comment", _comment(cluster)]
    return ["PREROUTING", *match, *comment, "--jump", "DNAT", "--to-destination", f"{gateway}:{port}"]


def cannot_have_address(reason: str) -> Exception:
    text = "CREDENTIALS_ADDRESS needs an emulator that runs as root on the Docker Engine's machine, with iptables"
    return internal_error(f"{text}: {reason}")


def _comment(cluster: str) -> str:
    return f"sagemaker-emulator:{cluster}"


def _rules(cluster: str) -> list[list[str]]:
    """The arguments that stand behind `--insert` or `--delete`, of every rule of the cluster."""
    listed = _run("--list-rules", "PREROUTING").stdout
    words = [shlex.split(line) for line in listed.splitlines()]
    return [rule[1:] for rule in words if _comment(cluster) in rule]


def _delete(rules: list[list[str]]) -> None:
    for rule in rules:
        _run("--delete", *rule)


def _run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            [*_TABLE, *arguments], capture_output=True, text=True, check=False, timeout=_LIMIT
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(_TABLE, 1, "", str(error))
