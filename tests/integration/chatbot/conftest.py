"""A creator whose fans write, with the chatbot behind its doors."""

from collections.abc import Callable

import pytest

from functions.chatbot.api import handler as door
from functions.chatbot.replies import handler as replies
from huntaze import ai
from huntaze.db import Connection, SingleConnection
from tests.fakes.chat_scene import ChatScene
from tests.fakes.chat_writer import ChatWriter


@pytest.fixture
def scene(
    record_aws, open_desk, ask_door, as_role: Callable[[str], Connection], monkeypatch
) -> ChatScene:
    """A creator whose lane is open, and a model that says what it is told to."""
    record_aws(door, replies)
    writer = ChatWriter(SingleConnection(lambda: as_role("app")))
    monkeypatch.setattr(ai, "writer", lambda: writer)
    return ChatScene(open_desk(), ask_door, writer)
