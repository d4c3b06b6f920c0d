import pytest
import regex

from emulator.wire.constraint import compile_pattern
from emulator.wire.service_model import EMULATED_SERVICES, ServiceModels, load_service_models

# Surrogate ranges, which only UTF-16 strings have.
UNCHECKABLE = r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*"


@pytest.fixture(scope="module")
def models() -> ServiceModels:
    return load_service_models()


@pytest.mark.parametrize(
    ("target", "service", "name"),
    [
        ("SageMaker.CreateTrainingJob", "sagemaker", "CreateTrainingJob"),
        ("Logs_20140328.GetLogEvents", "logs", "GetLogEvents"),
    ],
)
def test_target_names_an_operation(models: ServiceModels, target: str, service: str, name: str) -> None:
    operation = models.by_target(target)
    assert operation is not None
    assert (operation.service, operation.model.name) == (service, name)


@pytest.mark.parametrize(
    "target",
    ["", ".", "SageMaker", "SageMaker.", "CreateTrainingJob", ".CreateTrainingJob", "SageMaker.GetLogEvents"],
)
def test_target_of_no_operation_is_none(models: ServiceModels, target: str) -> None:
    assert models.by_target(target) is None


def test_action_needs_its_services_version(models: ServiceModels) -> None:
    operation = models.by_action("GetCallerIdentity", "2011-06-15")
    assert operation is not None
    assert operation.service == "sts"
    assert models.by_action("GetCallerIdentity", "2010-05-08") is None
    assert models.by_action("CreateTrainingJob", "2017-07-24") is None, "not a query service"


def test_operations_are_those_of_all_services(models: ServiceModels) -> None:
    operations = models.operations()
    assert {service for service, _ in operations} == set(EMULATED_SERVICES)
    assert ("sagemaker", "StopTrainingJob") in operations


def test_uncheckable_patterns_are_these(models: ServiceModels) -> None:
    uncheckable = set()
    for model in models.models.values():
        for name in model.shape_names:
            pattern = model.shape_for(name).metadata.get("pattern")
            if pattern is not None and compile_pattern(pattern) is None:
                uncheckable.add((model.service_name, name, pattern))
    assert uncheckable == {
        ("sagemaker", name, UNCHECKABLE) for name in ("AthenaCatalog", "Catalog", "Database", "TableName")
    }


def test_uncheckable_pattern_is_one_for_regex() -> None:
    with pytest.raises(regex.error):
        regex.compile(UNCHECKABLE)
