import re
from typing import Any

import pytest

from emulator.domain.instance_type import catalogue

NOT_PUBLIC_YET = re.compile(r"ml\.g7\.\d+xlarge")


ENUMS = ("TrainingInstanceType", "ProductionVariantInstanceType", "TransformInstanceType")


def enum_members(service_model: Any) -> set[str]:
    return {name for shape in ENUMS for name in service_model.shape_for(shape).enum}


def test_catalogue_has_every_type_of_the_api_but_those_without_public_sizes(service_model: Any) -> None:
    missing = enum_members(service_model) - catalogue().keys()

    assert {name for name in missing if not NOT_PUBLIC_YET.fullmatch(name)} == set()


def test_catalogue_has_no_type_that_the_api_refuses(service_model: Any) -> None:
    assert catalogue().keys() - enum_members(service_model) == set()


@pytest.mark.parametrize(
    ("name", "vcpus", "gib", "gpus"),
    [
        ("ml.t3.medium", 2, 4, 0),
        ("ml.m5.large", 2, 8, 0),
        ("ml.t2.medium", 2, 4, 0),
        ("ml.c4.xlarge", 4, 7.5, 0),
        ("ml.c5.9xlarge", 36, 72, 0),
        ("ml.g4dn.xlarge", 4, 16, 1),
        ("ml.g4dn.12xlarge", 48, 192, 4),
        ("ml.p3.2xlarge", 8, 61, 1),
        ("ml.p4d.24xlarge", 96, 1152, 8),
        ("ml.trn1.2xlarge", 8, 32, 0),
        ("ml.inf2.xlarge", 4, 16, 0),
        ("ml.c7g.8xlarge", 32, 64, 0),
        ("ml.r8g.medium", 1, 8, 0),
    ],
)
def test_catalogue_knows_the_sizes(name: str, vcpus: int, gib: float, gpus: int) -> None:
    found = catalogue()[name]

    assert (found.name, found.vcpus, found.memory_bytes, found.gpus) == (name, vcpus, int(gib * 2**30), gpus)


@pytest.mark.parametrize(
    ("name", "size"),
    [("ml.m5.large", 0), ("ml.g5.xlarge", 250), ("ml.r5d.large", 75), ("ml.p4d.24xlarge", 8000)],
)
def test_catalogue_knows_local_storage(name: str, size: int) -> None:
    assert catalogue()[name].local_storage_bytes == size * 10**9


def test_catalogue_has_no_type_without_cpus_or_memory() -> None:
    assert [t.name for t in catalogue().values() if t.vcpus < 1 or t.memory_bytes < 2**30 or t.gpus < 0] == []
