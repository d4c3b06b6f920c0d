from dataclasses import replace
from typing import Any

import pytest

from emulator.domain.cluster import HOSTING_MARK, ClusterSpec, LayeredView, Limits
from emulator.domain.progress import Placement
from emulator.hosting.transform_plan import batch_variables, cluster_name, compile_job, hosts_of
from tests.support.clock import START
from tests.support.hosting_requests import a_container, a_model_request, a_transform_job

LIMITS = Limits(memory_bytes=2**30, cpus=2, shm_bytes=2**29)
TWO = {"InstanceType": "ml.m5.large", "InstanceCount": 2}


def compiled(model: dict[str, Any] | None = None, **members: Any) -> ClusterSpec:
    job = a_transform_job(**members)
    job = replace(job, model_document=model or job.model_document)
    placement = Placement(limits={host.name: LIMITS for host in hosts_of(job)})
    count = len(job.model.pipeline)
    images = [f"image:{number}" for number in range(count)]
    return compile_job(job, placement, images, [f"models/{number}" for number in range(count)])


def test_every_instance_serves_the_model() -> None:
    cluster = compiled(TransformResources=TWO)
    assert cluster.hosts == ("algo-1", "algo-2")
    [first, _] = cluster.instances
    assert (first.image, first.entrypoint, first.arguments) == ("image:0", None, ("serve",))
    assert first.views == (LayeredView("/opt/ml/model", ("models/0",)),)
    assert first.limits == LIMITS
    assert first.environment["SAGEMAKER_BATCH"] == "true"
    assert not cluster.isolated


def test_containers_of_a_pipeline_share_their_instance() -> None:
    containers = [a_container(Environment={"A": "1"}), a_container()]
    model = a_model_request(PrimaryContainer=None, Containers=containers, EnableNetworkIsolation=True)
    cluster = compiled(model, Environment={"B": "2"})
    assert cluster.hosts == ("algo-1-c1", "algo-1-c2")
    assert [spec.limits.memory_bytes for spec in cluster.instances] == [2**29, 2**29]
    assert ["A" in spec.environment for spec in cluster.instances] == [True, False]
    assert [spec.environment["B"] for spec in cluster.instances] == ["2", "2"]
    assert cluster.isolated


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({}, {}),
        ({"MaxConcurrentTransforms": 0}, {}),
        ({"MaxConcurrentTransforms": 3}, {"SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "3"}),
        ({"MaxPayloadInMB": 0}, {"SAGEMAKER_MAX_PAYLOAD_IN_MB": "0"}),
        ({"BatchStrategy": "MultiRecord"}, {"SAGEMAKER_BATCH_STRATEGY": "MULTI_RECORD"}),
    ],
)
def test_only_what_the_request_says_is_told(members: dict[str, Any], told: dict[str, str]) -> None:
    assert batch_variables(a_transform_job(**members).request) == {"SAGEMAKER_BATCH": "true", **told}


def test_variables_of_the_request_win_also_over_addresses_of_the_emulator() -> None:
    wanted = {"SAGEMAKER_BATCH": "no", "S3_ENDPOINT_URL": "mine"}
    [spec] = compiled(Environment=wanted).instances
    assert spec.environment.items() >= wanted.items()
    assert "S3_ENDPOINT_URL" not in spec.endpoint_variables
    assert "AWS_ENDPOINT_URL" in spec.endpoint_variables


def test_cluster_is_named_after_the_job_and_its_creation() -> None:
    name = cluster_name(a_transform_job("Job-1"))
    assert name.startswith(f"transform{HOSTING_MARK}job-1-")
    assert name != cluster_name(a_transform_job("Job-1", created=START.replace(year=2030)))
