"""A simulated evening on a whole local cloud: fans write, a team answers, and everything is struck.

Two agencies and three creators; what fans write is pushed, or found by a sync alone; chatters, the
chatbot, automations and a campaign answer at once, and processes are killed all the while. Then
everything comes to rest and is judged by the platform's own truth.
"""

from collections.abc import Iterator

from chaos.evening.play import play_evening
from chaos.evening.script import LONG, SHORT
from chaos.judge import Verdict
from chaos.scenario import Scenario, Stage


def scenarios() -> Iterator[Scenario]:
    """List them."""
    yield Scenario("evening", _evening, brings_cloud=True)


def _evening(stage: Stage) -> Verdict:
    def say(words: str) -> None:
        print(f"      … {words}", flush=True)

    size = LONG if stage.long else SHORT
    return play_evening(stage.scratch, size, stage.seed, say=say)
