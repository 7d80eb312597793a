"""The deployments for a cluster name flows that are there."""

import inspect
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from prefect import Flow
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

from schemas.settings import PollSettings

FILE = Path(__file__).parents[2] / "deploy/prefect.yaml"
DEPLOYMENTS: list[dict[str, Any]] = yaml.safe_load(FILE.read_text())["deployments"]


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=[one["name"] for one in DEPLOYMENTS])
def test_a_deployment_names_a_flow_of_a_module_and_its_parameters(deployment: dict[str, Any]) -> None:
    module, _, name = deployment["entrypoint"].rpartition(".")
    found = getattr(import_module(module), name)
    assert isinstance(found, Flow)
    assert found.name == deployment["name"]
    assert set(deployment.get("parameters", {})) <= set(inspect.signature(found.fn).parameters)


def test_the_automations_are_such_as_prefect_takes_and_end_the_run_that_they_are_about() -> None:
    rows = yaml.safe_load((FILE.parent / "automations.yaml").read_text())["automations"]
    for row in rows:
        made = AutomationCore.model_validate(row)
        assert isinstance(made.trigger, EventTrigger)
        assert made.trigger.posture is Posture.Proactive
        (action,) = made.actions
        assert isinstance(action, ChangeFlowRunState)
        assert action.state is StateType.CRASHED
        # without it one run's silence would be made good by another's word
        assert made.trigger.for_each == {"prefect.resource.id"}
    assert len(rows) == 2


def test_runs_of_the_poll_follow_each_other_as_the_settings_say() -> None:
    (poll,) = [one for one in DEPLOYMENTS if one["name"] == "poll"]
    assert poll["schedules"] == [{"interval": PollSettings().run_s}]
