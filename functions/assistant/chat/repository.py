"""Conversations in Postgres; policies show a member their own alone."""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from functions.assistant.chat import wording
from functions.assistant.chat.models import (
    Chat,
    Desk,
    Figure,
    NewTurn,
    Question,
    Reply,
    Status,
    Turn,
)
from huntaze import ai
from huntaze.ai.agents import Language
from huntaze.db import Connection, Tenant
from huntaze.domain import figures
from huntaze.errors import InvalidInputError, NotFoundError
from huntaze.ids import new_id

_TURNS: LiteralString = (
    "SELECT position, question, language, status, answer, figures, generation_id, created_at"
    " FROM ai_chat_turns WHERE chat_id = %(chat_id)s AND position >= %(first)s ORDER BY position"
)
# What became of what the model said, as far as it can be known: whether it stood up to the check.
_OUTCOMES = {
    Status.ANSWERED: ai.Outcome.RESOLVED,
    Status.NO_DATA: ai.Outcome.HANDED_OVER,
    Status.REFUSED: ai.Outcome.REJECTED,
}


class PostgresChats:
    """The conversations of one member.

    Args:
        tenant: The workspace, with the member's own rows.
        member: Who.
        creators: The creators that they may see; None is all of the workspace.
        books: The workspace, with what models wrote about several creators at once.
    """

    def __init__(
        self, tenant: Tenant, member: UUID, creators: list[UUID] | None, *, books: Tenant
    ) -> None:
        self._tenant = tenant
        self._books = books
        self._member = member
        self._creators = creators

    def desk(self, question: Question, now: datetime) -> Desk:
        """What a question is about.

        Raises:
            NotFoundError: The caller has no such creator, or no such conversation.
            InvalidInputError: The conversation is about another creator.
        """
        with self._tenant.transaction() as connection:
            creator_id, history = question.creator_id, []
            if question.chat_id is not None:
                about, _ = self._chat(connection, question.chat_id)
                if creator_id not in (None, about):
                    raise InvalidInputError(
                        "The conversation is about something else; leave chat_id out.",
                        fields={"creator_id": "another than the conversation's"},
                    )
                creator_id, history = about, self._turns(connection, question.chat_id)
            scope = figures.scope_of(connection, creator_id)
            language = self._language(connection)
        return Desk(
            creator_id=creator_id,
            scope=scope,
            today=scope.today(now),
            language=question.language or language,
            history=history,
        )

    def keep(self, chat_id: UUID | None, desk: Desk, turn: NewTurn) -> Reply | None:
        """Keep a turn, in a new conversation where none is named; None: it is full."""
        with self._tenant.transaction() as connection:
            chat_id = chat_id or self._begin(connection, desk.creator_id)
            place = connection.execute(
                "UPDATE ai_chats SET turns = turns + 1, asked_at = clock_timestamp()"
                " WHERE id = %s AND turns < 50 RETURNING turns",
                (chat_id,),
            ).fetchone()
            if place is None:
                return None
            cited = [one.model_dump(mode="json") for one in turn.figures]
            connection.execute(
                "INSERT INTO ai_chat_turns (workspace_id, user_id, chat_id, position, question,"
                " language, status, answer, figures, generation_id) VALUES"
                " (current_setting('app.workspace_id')::uuid, %(member)s, %(chat_id)s,"
                " %(position)s, %(question)s, %(language)s, %(status)s, %(answer)s, %(figures)s,"
                " %(generation_id)s)",
                {
                    **turn._asdict(),
                    "member": self._member,
                    "chat_id": chat_id,
                    "position": place[0],
                    "figures": Jsonb(cited),
                },
            )
            (kept,) = self._readable(connection, self._turns(connection, chat_id, place[0]))
        with self._books.transaction() as connection:
            ai.record_outcome(connection, turn.generation_id, _OUTCOMES[turn.status])
        return Reply(chat_id=chat_id, **kept.model_dump())

    def get(self, chat_id: UUID) -> Chat:
        """A conversation, with names that the caller may see.

        Raises:
            NotFoundError: The caller has no such conversation.
        """
        with self._tenant.transaction() as connection:
            creator_id, created_at = self._chat(connection, chat_id)
            turns = self._readable(connection, self._turns(connection, chat_id))
        return Chat(id=chat_id, creator_id=creator_id, turns=turns, created_at=created_at)

    def _chat(self, connection: Connection, chat_id: UUID) -> tuple[UUID | None, datetime]:
        row = connection.execute(
            "SELECT creator_id, created_at FROM ai_chats WHERE id = %s", (chat_id,)
        ).fetchone()
        if row is None:
            raise NotFoundError("You have no such conversation with the assistant.")
        return row[0], row[1]

    def _turns(self, connection: Connection, chat_id: UUID, first: int = 1) -> list[Turn]:
        with connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(_TURNS, {"chat_id": chat_id, "first": first}).fetchall()
        return [Turn.model_validate(row) for row in rows]

    def _begin(self, connection: Connection, creator_id: UUID | None) -> UUID:
        seen = self._creators if creator_id is None else [creator_id]
        chat_id = new_id()
        connection.execute(
            "INSERT INTO ai_chats (workspace_id, id, user_id, creator_id, creators)"
            " VALUES (current_setting('app.workspace_id')::uuid, %s, %s, %s, %s)",
            (chat_id, self._member, creator_id, seen),
        )
        return chat_id

    def _language(self, connection: Connection) -> Language:
        """The one that the member has chosen."""
        row = connection.execute(
            "SELECT language FROM users WHERE id = %s", (self._member,)
        ).fetchone()
        known = row is not None and row[0] in list(Language)
        return Language(row[0]) if row and known else Language.EN

    def _readable(self, connection: Connection, turns: Sequence[Turn]) -> list[Turn]:
        """Turns with their places filled; a fan who was forgotten since has no name."""
        fans = [
            figure.about.id
            for turn in turns
            for figure in turn.figures
            if figure.about is not None and figure.about.kind == "fan"
        ]
        rows = connection.execute(
            "SELECT id, coalesce(display_name, handle) FROM fans"
            " WHERE workspace_id = current_setting('app.workspace_id')::uuid AND id = ANY (%s)"
            " AND erased_at IS NULL",
            (fans,),
        ).fetchall()
        names = {row[0]: str(row[1]) for row in rows}
        return [
            turn.model_copy(
                update={
                    "answer": wording.filled(turn.answer, turn.figures, names, turn.language),
                    "figures": [_with_name(one, names) for one in turn.figures],
                }
            )
            for turn in turns
        ]


def _with_name(figure: Figure, names: dict[UUID, str]) -> Figure:
    about = figure.about
    if about is None or about.kind != "fan":
        return figure
    named = about.model_copy(update={"name": names.get(about.id)})
    return figure.model_copy(update={"about": named})
