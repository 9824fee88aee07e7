"""The doors of conversations on a desk, and fans who talk."""

from collections.abc import Callable
from functools import partial
from unittest.mock import Mock

import pytest

from functions.conversations import callers
from functions.conversations import handler as door
from tests.fakes.answer import Answer
from tests.fakes.creator_desk import Desk
from tests.fakes.talk import Talk


@pytest.fixture
def queue(record_aws: Callable[..., Mock]) -> Mock:
    recorder: Mock = record_aws(callers).queue
    return recorder


@pytest.fixture
def desk(queue: Mock, open_desk: Callable[..., Desk]) -> Desk:  # noqa: ARG001  (wired first)
    return open_desk()


@pytest.fixture
def call(desk: Desk, ask_door: Callable[..., Answer]) -> Callable[..., Answer]:
    return partial(ask_door, door, desk)


@pytest.fixture
def talk(desk: Desk) -> Callable[..., Talk]:
    return partial(Talk, desk)
