"""The stages of samconfig.toml give parameters that there are, and values that they take."""

import re
import tomllib
from typing import Any

import pytest

from tests.architecture.repository import ROOT
from tests.support.planned_stack import Planned
from tools.region import template

CONFIG = tomllib.loads((ROOT / "samconfig.toml").read_text())
KNOWN = template.load()["Parameters"]
STAGES = ("dev", "staging", "prod")


def given(stage: str) -> dict[str, str]:
    return dict(one.split("=", 1) for one in CONFIG[stage]["deploy"]["parameters"]["parameter_overrides"])


def takes(parameter: dict[str, Any], value: str) -> bool:
    allowed = parameter.get("AllowedValues")
    if allowed:
        return value in map(str, allowed)
    if parameter["Type"] == "Number":
        return float(parameter.get("MinValue", 0)) <= float(value) <= float(parameter.get("MaxValue", value))
    return bool(re.fullmatch(parameter.get("AllowedPattern", ".*"), value))


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_gives_parameters_that_there_are_and_values_that_they_take(stage: str) -> None:
    assert {name: value for name, value in given(stage).items() if not takes(KNOWN[name], value)} == {}


@pytest.mark.parametrize("stage", ["default", *STAGES])
def test_a_stage_may_make_roles_and_finds_a_bucket_by_itself(stage: str) -> None:
    asked = CONFIG[stage]["deploy"]["parameters"]

    assert asked["capabilities"] == "CAPABILITY_IAM"
    assert asked["resolve_s3"] is True


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_can_be_planned(stage: str) -> None:
    assert Planned(given(stage)).of("AWS::RDS::DBCluster")


def test_stages_are_stacks_of_their_own_and_production_is_safe() -> None:
    assert len({CONFIG[stage]["global"]["parameters"]["stack_name"] for stage in ["default", *STAGES]}) == 4
    prod = Planned(given("prod"))
    assert CONFIG["prod"]["deploy"]["parameters"]["confirm_changeset"] is True
    assert prod.of("AWS::RDS::DBInstance").keys() == {"DatabaseWriter", "DatabaseStandby"}
    assert prod.of("AWS::RDS::DBCluster")["Database"]["DeletionProtection"] == "true"
    assert prod.of("AWS::CodeDeploy::DeploymentGroup")
    assert prod.of("AWS::CloudWatch::Alarm")
