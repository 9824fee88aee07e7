"""Automations of a creator whose lane is open."""

import pytest

from functions.automations.api import handler as door
from functions.automations.sweep import handler as sweep
from tests.fakes.automation_scene import AutomationScene


@pytest.fixture
def scene(record_aws, open_desk, ask_door) -> AutomationScene:
    record_aws(door, sweep)
    return AutomationScene(open_desk(), ask_door)
