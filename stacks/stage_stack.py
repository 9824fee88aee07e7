"""What every stack of a stage has in common: its name, its place and how it is deployed."""

from aws_cdk import (
    CliCredentialsStackSynthesizer,
    DefaultStackSynthesizer,
    IStackSynthesizer,
    Stack,
)
from constructs import Construct

from stacks.settings import Stage, StageSettings


class StageStack(Stack):
    """A stack named ``Huntaze-{stage}-{name}``."""

    def __init__(
        self, scope: Construct, name: str, settings: StageSettings, *, description: str
    ) -> None:
        super().__init__(
            scope,
            settings.stack_name(name),
            stack_name=settings.stack_name(name),
            description=description,
            env=settings.environment,
            synthesizer=_synthesizer(settings),
            termination_protection=settings.stage is Stage.PRODUCTION,
        )


def _synthesizer(settings: StageSettings) -> IStackSynthesizer:
    # The stand-in for AWS refuses the bucket roles that the default synthesizer assumes.
    return DefaultStackSynthesizer() if settings.on_aws else CliCredentialsStackSynthesizer()
