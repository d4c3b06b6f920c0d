"""The AWS SDK for JavaScript v3."""

import shutil

from tests.clients.client_program import HERE, Client, environment_of, told


def test_javascript_sdk_trains_waits_pages_and_reads(client: Client) -> None:
    (client.directory / "node_modules").symlink_to(environment_of("javascript") / "node_modules")
    shutil.copy(HERE / "javascript" / "train.mjs", client.directory)

    output = client.run("node", "train.mjs")

    assert told(output, "status").startswith("Completed started: 20")
    assert {f"{host} of 2 hosts read 100 rows" in output for host in ("algo-1", "algo-2")} == {True}
    assert told(output, "jobs").startswith("1 model: s3://javascript/output/")
