"""Texts for content, proposed by an agent: one at a request, or as a plan step by step."""

from aws_cdk import Duration
from constructs import Construct

from stacks.feature_parts import FeatureParts, below
from stacks.model_state_machines import pipeline_steps
from stacks.permissions import calls
from stacks.permissions.models import ask_models
from stacks.step_machine import Machine, add_machine

_GENERATIONS = ("generate", "ideas", "captions", "hashtags")


def add_content_generation(parts: FeatureParts) -> None:
    """Define the function behind the generations and drafts, and the workflow of pipelines."""
    generation = parts.function(
        "ContentGeneration", "content.generation", heavy_packages=["openai"]
    )
    calls.nudge_outbox(generation, parts.outbox_relay)
    ask_models(generation, parts.settings, parts.data)
    paths = [f"/api/content/{name}" for name in _GENERATIONS]
    parts.routes.serve(generation, [*paths, *below("/api/content/drafts")[1:]])
    steps = parts.function(
        "PipelineSteps",
        "content.pipelines.tasks",
        heavy_packages=["openai"],
        # Three times as long as a model may write and another may check.
        timeout=Duration.minutes(5),
    )
    calls.nudge_outbox(steps, parts.outbox_relay)
    ask_models(steps, parts.settings, parts.data)
    scope = Construct(parts.scope, "Pipelines")
    states = pipeline_steps(scope, "Steps", steps)
    add_machine(scope, "", parts.settings, Machine.PIPELINE, states)
