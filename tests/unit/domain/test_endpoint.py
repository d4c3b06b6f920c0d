from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from emulator.domain.endpoint import Deployment, Endpoint, EndpointStatus, VariantState
from tests.support.clock import START
from tests.support.hosting_requests import (
    a_deployment,
    a_serverless_variant,
    a_variant,
    an_endpoint,
    in_service,
)

S = EndpointStatus


def asked(endpoint: Endpoint, **values: float) -> Endpoint:
    """UpdateEndpointWeightsAndCapacities of the variant AllTraffic."""
    revision = endpoint.progress.active.revision if endpoint.progress.active else 0
    return replace(endpoint, desired={"AllTraffic": values}, desired_revision=revision)


def updated(endpoint: Endpoint, **members: Any) -> Endpoint:
    """UpdateEndpoint."""
    deployment = a_deployment(endpoint.deployment.revision + 1).model_copy(update=members)
    return replace(endpoint, deployment=deployment)


CREATING = an_endpoint()
SERVING = in_service(CREATING)
FAILED = CREATING.advance(status=S.FAILED, tried=1)
STATUSES = {
    "created": (CREATING, S.CREATING),
    "serving": (SERVING, S.IN_SERVICE),
    "failed": (FAILED, S.FAILED),
    "asked to update, which nobody has begun": (updated(SERVING), S.UPDATING),
    "updated in vain": (updated(SERVING).advance(tried=2), S.IN_SERVICE),
    "asked for a weight": (asked(SERVING, DesiredWeight=0.5), S.UPDATING),
    "asked for what it has": (asked(SERVING, DesiredWeight=1.0, DesiredInstanceCount=1), S.IN_SERVICE),
    "asked to go": (replace(SERVING, delete_requested_at=START), S.DELETING),
    "serverless": (
        in_service(an_endpoint(ProductionVariants=[a_serverless_variant()])),
        S.IN_SERVICE,
    ),
}


@pytest.mark.parametrize(("endpoint", "status"), STATUSES.values(), ids=STATUSES)
def test_status_counts_wishes_from_the_moment_that_they_were_accepted(
    endpoint: Endpoint, status: EndpointStatus
) -> None:
    assert endpoint.status is status


def test_what_was_asked_of_a_deployment_says_nothing_of_the_next_one() -> None:
    """The next one begins with its configuration; the former has what was asked for, until it is replaced."""
    endpoint = updated(asked(SERVING, DesiredWeight=0.5, DesiredInstanceCount=3))
    (variant,) = endpoint.deployment.variants
    former = endpoint.progress.active
    assert isinstance(former, Deployment)
    assert (endpoint.desired_count(variant), endpoint.desired_weight(variant)) == (1, 1.0)
    assert (endpoint.desired_count(variant, former), endpoint.desired_weight(variant, former)) == (3, 0.5)
    given_up = endpoint.advance(tried=2)
    assert (given_up.desired_count(variant), given_up.desired_weight(variant)) == (3, 0.5)
    replaced = in_service(endpoint)
    assert (replaced.desired_count(variant), replaced.is_to_scale) == (1, False)


def test_a_deployment_retains_what_it_was_told_to() -> None:
    endpoint = updated(SERVING, retained={"AllTraffic": {"DesiredInstanceCount": 4}})
    (variant,) = endpoint.deployment.variants
    assert (endpoint.desired_count(variant), endpoint.desired_weight(variant)) == (4, 1.0)
    assert in_service(endpoint).status is S.IN_SERVICE


def test_scaling_is_over_when_every_variant_has_what_it_shall_have() -> None:
    variants = [a_variant("a"), a_variant("b", InitialInstanceCount=2)]
    endpoint = in_service(an_endpoint(ProductionVariants=variants))
    assert not endpoint.is_to_scale
    states = {**endpoint.progress.variants, "b": VariantState(instance_count=1, weight=1.0)}
    assert endpoint.advance(variants=states).is_to_scale


def test_it_was_last_modified_by_whoever_wrote_last() -> None:
    later = START + timedelta(seconds=1)
    assert SERVING.last_modified_time == START
    assert replace(SERVING, modified_at=later).last_modified_time == later
    assert replace(SERVING, delete_requested_at=later).last_modified_time == later
    assert SERVING.advance(last_modified_time=later).last_modified_time == later


def test_what_could_not_be_had_is_not_desired_any_more_until_it_is_asked_for_again() -> None:
    wished = replace(asked(SERVING, DesiredWeight=0.5, DesiredInstanceCount=9), modified_at=START)
    given_up = wished.advance(given_up=START)
    (variant,) = given_up.deployment.variants
    assert given_up.status is S.IN_SERVICE
    assert (given_up.desired_count(variant), given_up.desired_weight(variant)) == (1, 1.0)
    again = replace(given_up, modified_at=START + timedelta(seconds=1))
    assert (again.status, again.desired_count(variant)) == (S.UPDATING, 9)
