"""CreateAlgorithm, DescribeAlgorithm, ListAlgorithms, DeleteAlgorithm; and a training job's algorithm."""

from typing import Any

from emulator.domain import errors
from emulator.domain.algorithm import Algorithm
from emulator.domain.algorithm_check import faults_of_request, faults_of_specification
from emulator.domain.arn import AlgorithmKey
from emulator.operations.registry import Call, Params, Result, operation
from emulator.operations.resource_list import next_token, resource_query
from emulator.operations.tags import tags_of

ARN_PREFIX = "arn:"
TIMES = {"CreationTimeAfter": "creation_time >", "CreationTimeBefore": "creation_time <"}


@operation("sagemaker", "CreateAlgorithm")
async def create_algorithm(call: Call, params: Params) -> Result:
    """The algorithm can be used at once: neither its image nor its validation profiles are looked at."""
    key = AlgorithmKey(call.caller.account_id, call.caller.region, params["AlgorithmName"])
    document = {name: value for name, value in params.items() if name != "Tags"}
    _refuse_what_is_not_emulated(document)
    algorithm = Algorithm(key, call.now(), document)
    fault = next(faults_of_specification(algorithm.training), None)
    if fault is not None:
        raise errors.validation_error(f"TrainingSpecification is invalid: {fault}.")
    if not await call.parts.algorithms.create(algorithm, tags_of(params)):
        raise errors.algorithm_exists(key.arn)
    return {"AlgorithmArn": key.arn}


@operation("sagemaker", "DescribeAlgorithm")
async def describe_algorithm(call: Call, params: Params) -> Result:
    algorithm = await find_algorithm(call, params["AlgorithmName"])
    return {**algorithm.document, **_names(algorithm), "AlgorithmStatusDetails": _status_details(algorithm)}


@operation("sagemaker", "ListAlgorithms")
async def list_algorithms(call: Call, params: Params) -> Result:
    params = {"SortOrder": "Ascending", **params}
    page = await call.parts.algorithms.page(resource_query(call, params, TIMES, "ListAlgorithms"))
    algorithms = [_summary(algorithm) for algorithm in page.resources]
    return {"AlgorithmSummaryList": algorithms, **next_token(page, params, "ListAlgorithms")}


@operation("sagemaker", "DeleteAlgorithm")
async def delete_algorithm(call: Call, params: Params) -> Result:
    """Training jobs that were made with it go on: they have what it gave to them."""
    await call.parts.algorithms.delete((await find_algorithm(call, params["AlgorithmName"])).key)
    return {}


async def find_algorithm(call: Call, name_or_arn: str) -> Algorithm:
    """Of the caller's account and Region. Raises AWS's error for any other."""
    own = AlgorithmKey(call.caller.account_id, call.caller.region, "")
    name = name_or_arn.rpartition("/")[2] if name_or_arn.startswith(ARN_PREFIX) else name_or_arn
    key = own._replace(name=name)
    algorithm = await call.parts.algorithms.get(key)
    if algorithm is None or (name_or_arn.startswith(ARN_PREFIX) and name_or_arn.lower() != key.arn):
        raise errors.algorithm_does_not_exist(name_or_arn if name_or_arn.startswith(ARN_PREFIX) else key.arn)
    return algorithm


async def resolve_algorithm(call: Call, params: Params) -> dict[str, Any]:
    """What the algorithm that a CreateTrainingJob names gives to the job; nothing where it names none.

    Raises AWS's error for an unknown algorithm, and ours for a request that it does not allow.
    """
    name = params["AlgorithmSpecification"].get("AlgorithmName")
    if name is None:
        return {}
    algorithm = await find_algorithm(call, name)
    fault = next(faults_of_request(algorithm, params), None)
    if fault is not None:
        raise errors.not_allowed_by_algorithm(algorithm.key.name, fault)
    return algorithm.resolve(params)


def _refuse_what_is_not_emulated(document: Params) -> None:
    if "AdditionalS3DataSource" in document["TrainingSpecification"]:
        member = "a member of TrainingSpecification"
        raise errors.not_emulated(member, "AdditionalS3DataSource", "Leave it out.")


def _names(algorithm: Algorithm) -> Result:
    return {
        "AlgorithmName": algorithm.key.name,
        "AlgorithmArn": algorithm.arn,
        "CreationTime": algorithm.creation_time,
        "AlgorithmStatus": "Completed",
    }


def _summary(algorithm: Algorithm) -> Result:
    description = algorithm.document.get("AlgorithmDescription")
    return _names(algorithm) | ({} if description is None else {"AlgorithmDescription": description})


def _status_details(algorithm: Algorithm) -> Result:
    """Validation profiles are not run, and say so."""
    profiles = algorithm.document.get("ValidationSpecification", {}).get("ValidationProfiles", [])
    statuses = [{"Name": profile["ProfileName"], "Status": "NotStarted"} for profile in profiles]
    return {"ValidationStatuses": statuses, "ImageScanStatuses": []}
