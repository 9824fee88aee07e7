"""How many transitions of Step Functions one campaign takes, counted from the real definition."""

import json
from collections.abc import Mapping
from typing import Any

from operations.costs.model import Resource


def transitions_of(machine: Resource) -> int:
    """How many transitions one campaign takes in a machine."""
    return transitions(definition_of(machine.properties))


def definition_of(machine: Mapping[str, Any]) -> dict[str, Any]:
    """Return the definition of a state machine from its properties."""
    text = machine["DefinitionString"]
    if isinstance(text, dict):
        delimiter, parts = text["Fn::Join"]
        # ARNs that only a deployment knows; they do not lead anywhere.
        text = delimiter.join(part if isinstance(part, str) else "arn" for part in parts)
    definition: dict[str, Any] = json.loads(text)
    return definition


def transitions(definition: Mapping[str, Any]) -> int:
    """Count the transitions of an execution in which every step succeeds at once.

    One is counted for each state that is entered; a retry, which is one more, is the exception.

    Raises:
        ValueError: The way through depends on data, or on how many there are of something.
    """
    states, name, entered = definition["States"], definition["StartAt"], 0
    while True:
        state = states[name]
        entered += 1
        if state["Type"] in ("Map", "Parallel", "Choice"):
            raise ValueError(f"{name} is a {state['Type']}: count it for each item or branch")
        if state["Type"] in ("Succeed", "Fail") or state.get("End"):
            return entered
        if entered > len(states):
            raise ValueError("the definition leads in circles")
        name = state["Next"]
