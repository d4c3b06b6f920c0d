"""KeepAlivePeriodInSeconds: what a job leaves for the next one, and that nothing of it stays for ever."""

from itertools import pairwise
from typing import Any

import docker
import pytest

from tests.e2e.conftest import Restartable
from tests.e2e.leftovers import LABEL, find_leftovers
from tests.e2e.test_checkpoints import completed
from tests.e2e.training_client import BUCKET, TrainingClient, channel, script, until

pytestmark = pytest.mark.ordinary_user

CACHE = "/opt/ml/sagemaker/warmpoolcache"
LONG, SHORT = 3600, 60
"""Seconds; with the tests' scale 72 and 1.2."""


def warm(seconds: int, hosts: int = 1, instance_type: str = "ml.t3.medium") -> dict[str, Any]:
    return {
        "InstanceType": instance_type,
        "InstanceCount": hosts,
        "VolumeSizeInGB": 1,
        "KeepAlivePeriodInSeconds": seconds,
    }


def wait_for_pool(client: TrainingClient, name: str, status: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        pool: dict[str, Any] = client.describe(name)["WarmPoolStatus"]
        return pool if pool["Status"] == status else None

    return until(f"the pool of {name} {status}", look)


def left(servers: Restartable, engine: docker.DockerClient) -> list[str]:
    """On the Engine and in the directory of staged input."""
    installation = (servers.data_dir / "installation").read_text()
    return find_leftovers(engine, [installation]) + [str(path) for path in servers.data_dir.glob("work/*")]


def wait_for_nothing(servers: Restartable, engine: docker.DockerClient) -> None:
    until("nothing left", lambda: not left(servers, engine))


def networks(servers: Restartable, engine: docker.DockerClient) -> list[str]:
    installation = (servers.data_dir / "installation").read_text()
    found = engine.networks.list(filters={"label": f"{LABEL}={installation}"})
    return sorted(str(network.id) for network in found)


def end_pool(client: TrainingClient, name: str) -> None:
    client.sagemaker.update_training_job(TrainingJobName=name, ResourceConfig={"KeepAlivePeriodInSeconds": 0})


def test_the_next_job_has_the_network_the_cache_and_the_staged_objects(
    restartable: Restartable, engine: docker.DockerClient
) -> None:
    client = restartable.start()
    uri = client.put({"a": b"original", "b": b"first"})
    run = script(f"""cat {CACHE}/* 2>/dev/null; echo; cd /opt/ml/input/data/train; cat a b; echo; ls /opt/ml/model /tmp
        echo $HOSTNAME-$TRAINING_JOB_NAME- >> {CACHE}/seen; echo spoilt > a; touch /opt/ml/model/x /tmp/x""")
    names: list[str] = []
    kept: list[list[str]] = []
    for body in (b"first", b"second", b"second"):
        client.s3.put_object(Bucket=BUCKET, Key=uri.removeprefix(f"s3://{BUCKET}/") + "b", Body=body)
        resources = {"ResourceConfig": warm(LONG, 2)}
        names.append(completed(client.train({"run": run}, [channel("train", uri)], **resources)))
        wait_for_pool(client, names[-1], "Available")
        until("no containers", lambda: not any("container" in one for one in left(restartable, engine)))
        kept.append(networks(restartable, engine))
        for host in ("algo-1", "algo-2"):
            before = [f"{host}-{name}-" for name in names[:-1]]
            text = f"original{body.decode()}"
            found = [line for line in client.lines(names[-1], host) if line]
            assert found == [*before, text, "/opt/ml/model:", "/tmp:"]
    assert len([*restartable.data_dir.glob("work/pool-*/*")]) == 3, "a, and b as it was and as it is"
    assert len(kept[0]) == 1
    assert kept == [kept[0]] * 3
    for name, following in pairwise(names):
        pool = client.describe(name)["WarmPoolStatus"]
        assert (pool["Status"], pool["ReusedByJob"]) == ("Reused", following)
    end_pool(client, names[-1])
    wait_for_pool(client, names[-1], "Terminated")
    wait_for_nothing(restartable, engine)


def test_a_pool_expires_and_leaves_nothing(restartable: Restartable, engine: docker.DockerClient) -> None:
    client = restartable.start()
    uri = client.put({"a": b"1"})
    job = client.train({"run": f"touch {CACHE}/x"}, [channel("t", uri)], ResourceConfig=warm(SHORT))
    name = completed(job)
    pool = wait_for_pool(client, name, "Terminated")
    assert pool["ResourceRetainedBillableTimeInSeconds"] >= 1
    wait_for_nothing(restartable, engine)


def test_a_pool_waits_through_a_restart_and_for_a_job_that_matches(
    restartable: Restartable, engine: docker.DockerClient
) -> None:
    before = restartable.start()
    run = {"run": f"cat {CACHE}/x; echo kept > {CACHE}/x; echo end"}
    first = completed(before.train(run, ResourceConfig=warm(LONG)))
    wait_for_pool(before, first, "Available")
    kept = networks(restartable, engine)
    restartable.kill()
    after = restartable.start()
    other = completed(after.train(run, ResourceConfig=warm(SHORT, instance_type="ml.m5.large")))
    assert "kept" not in after.lines(other)
    assert after.describe(first)["WarmPoolStatus"] == {"Status": "Available"}
    second = completed(after.train(run, ResourceConfig=warm(LONG)))
    assert after.lines(second) == ["kept", "end"]
    assert after.describe(first)["WarmPoolStatus"]["ReusedByJob"] == second
    assert set(kept) <= set(networks(restartable, engine))
    wait_for_pool(after, second, "Available")
    end_pool(after, second)
    for name in (other, second):
        wait_for_pool(after, name, "Terminated")
    wait_for_nothing(restartable, engine)


def test_failed_and_stopped_jobs_keep_their_instances_and_the_next_ends_the_pool(
    restartable: Restartable, engine: docker.DockerClient
) -> None:
    client = restartable.start(TIME_SCALE="0.2")  # 24 s until SIGKILL
    isolated = {"EnableNetworkIsolation": True}
    failed = client.train(
        {"run": f"echo 1 > {CACHE}/x", "exit_code": "1"}, ResourceConfig=warm(LONG), **isolated
    )
    assert failed["TrainingJobStatus"] == "Failed"
    look = {"on_sigterm": "save", "run": f"cat {CACHE}/x; echo 2 >> {CACHE}/x", "sleep": "600"}
    stopped = client.create(look, ResourceConfig=warm(LONG), **isolated)
    client.wait_for_line(stopped, "SLEEPING")
    client.stop(stopped)
    assert client.wait(stopped)["TrainingJobStatus"] == "Stopped"
    wait_for_pool(client, stopped, "Available")
    cold = {name: value for name, value in warm(0).items() if name != "KeepAlivePeriodInSeconds"}
    last = completed(client.train({"run": f"cat {CACHE}/x"}, ResourceConfig=cold, **isolated))
    assert client.lines(stopped) == ["1", "SLEEPING", "SIGTERM"]
    assert client.lines(last) == ["1", "2"]
    assert client.describe(stopped)["WarmPoolStatus"]["ReusedByJob"] == last
    wait_for_nothing(restartable, engine)


def test_a_server_that_stops_takes_its_pools_along(
    restartable: Restartable, engine: docker.DockerClient
) -> None:
    before = restartable.start(ON_SHUTDOWN="stop")
    run = {"run": f"ls {CACHE}; touch {CACHE}/x"}
    first = completed(before.train(run, ResourceConfig=warm(LONG)))
    wait_for_pool(before, first, "Available")
    restartable.stop()
    assert left(restartable, engine) == []
    after = restartable.start(ON_SHUTDOWN="stop")
    second = completed(after.train(run, ResourceConfig=warm(LONG)))
    assert after.lines(second) == []
    wait_for_pool(after, second, "Available")
    end_pool(after, second)
    wait_for_nothing(restartable, engine)
