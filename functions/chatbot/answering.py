"""Answers of rules: which of them goes into the ledger."""

import re
from functools import cache

from functions.chatbot import cases
from functions.chatbot.models import AutoReplyRule, Case
from huntaze.db import Connection
from huntaze.domain import compliance
from huntaze.domain.outbound import planning
from huntaze.domain.outbound.states import Priority
from huntaze.domain.outbound.texts import parse, render
from huntaze.domain.outbound.wake import wake_soon
from huntaze.errors import ForbiddenError, PaymentRequiredError


def first_answer(connection: Connection, case: Case, rules: list[AutoReplyRule]) -> bool:
    """Let the first rule answer whose turn it is.

    Args:
        connection: In the transaction that holds the conversation.
        case: The conversation.
        rules: Those that fit, the first one first.
    """
    # Anew, as a model has worked meanwhile; one that was changed may not fit any more.
    due = [rule for rule in cases.rules_of(connection, case) if rule.is_due]
    for rule in rules:
        text = _filled(case, rule)
        if rule in due and compliance.check(text, platform=case.platform).passed:
            return _answer(connection, case, rule, text)
    return False


def _answer(connection: Connection, case: Case, rule: AutoReplyRule, text: str) -> bool:
    """Put an answer into the ledger, if the workspace's plan includes it."""
    answer = planning.DirectSend(
        workspace_id=case.workspace_id,
        creator_id=case.creator_id,
        fan_id=case.fan_id,
        text=text,
        # A member wrote it; the rule says to whom and when.
        authorship=planning.Authorship("template", author_id=rule.written_by),
        priority=Priority.CHATBOT,
        expected_message_id=case.last.platform_message_id,
    )
    try:
        with connection.transaction():
            send_id = planning.plan_direct(connection, answer)
    except (PaymentRequiredError, ForbiddenError):
        return False
    connection.execute(
        "INSERT INTO auto_replies AS a (workspace_id, creator_id, rule_id, fan_id, message_id,"
        " send_id) VALUES (current_setting('app.workspace_id')::uuid, %s, %s, %s, %s, %s)"
        " ON CONFLICT (workspace_id, rule_id, fan_id) DO UPDATE"
        " SET message_id = excluded.message_id, send_id = excluded.send_id,"
        " answered_at = clock_timestamp()",
        (case.creator_id, rule.id, case.fan_id, case.last.id, send_id),
    )
    wake_soon(case.creator_id)
    return True


def _filled(case: Case, rule: AutoReplyRule) -> str:
    names = {"display_name": case.fan.display_name, "handle": case.fan.handle}
    return render(parse(rule.text), names, unfit=_unfit(case.platform))


@cache
def _unfit(platform: str) -> re.Pattern[str]:
    return re.compile(compliance.unfit_name_pattern(platform))
