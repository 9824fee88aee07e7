"""What a thread says of messages that a restored ledger has forgotten."""

import asyncio
from datetime import UTC, datetime, timedelta
from unittest.mock import AsyncMock, Mock

from hypothesis import given
from hypothesis import strategies as st

from browser_worker import restore
from browser_worker.delivery import deliver
from browser_worker.listings import ListPage, ThreadRow
from browser_worker.messages import ThreadMessage
from browser_worker.profile import load_profile
from browser_worker.trouble import FanGone
from huntaze.domain.outbound.lanes import DueSend
from huntaze.domain.outbound.restores import ForgottenSend, Reconciliation, ThreadInDoubt
from huntaze.domain.outbound.states import SkipReason
from huntaze.ids import new_id

SINCE = datetime(2026, 1, 1, 12, tzinfo=UTC)
PAGE = Reconciliation(cursor=None, restored_to=SINCE + timedelta(minutes=5), failures=0)


def send(text: str = "hello", price: int = 0, *, submitting: bool = False) -> ForgottenSend:
    return ForgottenSend(new_id(), text, price, submitting)


def shown(
    message_id: str,
    text: str = "hello",
    *,
    price: int = 0,
    own: bool = True,
    minutes: float | None = 1,
) -> ThreadMessage:
    at = None if minutes is None else (SINCE + timedelta(minutes=minutes)).isoformat()
    return ThreadMessage(message_id, own, text, price, (), at)


def doubt(
    *sends: ForgottenSend, known: tuple[str, ...] = (), older: tuple[str, ...] = ()
) -> ThreadInDoubt:
    return ThreadInDoubt("p1", "ann", SINCE, list(known), list(older), list(sends))


def found(about: ThreadInDoubt, *messages: ThreadMessage) -> dict[str, str]:
    return {
        str(one.id): message.id for one, message in restore.find(about, list(messages), str.strip)
    }


def test_a_message_of_the_forgotten_time_is_found() -> None:
    one = send()
    assert found(doubt(one), shown("m1", " hello ")) == {str(one.id): "m1"}


def test_only_an_own_message_of_that_time_text_and_price_counts() -> None:
    about = doubt(send(price=500), known=("known",))
    others = (
        shown("fan", own=False, price=500),
        shown("text", "hallo", price=500),
        shown("price", price=499),
        shown("old", price=500, minutes=-1),
        shown("known", price=500),
    )
    assert found(about, *others) == {}


def test_without_times_an_unexplained_message_counts() -> None:
    one = send()
    assert found(doubt(one), shown("m1", minutes=None)) == {str(one.id): "m1"}


def test_a_row_in_flight_takes_its_own_message_first() -> None:
    flying, planned = send(submitting=True), send()
    assert found(doubt(flying, planned), shown("m1")) == {}
    assert found(doubt(flying, planned), shown("m1"), shown("m2")) == {str(planned.id): "m2"}


@given(
    texts=st.lists(st.sampled_from("ab"), max_size=6),
    messages=st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=8),
)
def test_each_message_explains_one_send_at_most_and_none_is_left_over(
    texts: list[str], messages: list[tuple[str, bool]]
) -> None:
    rows = [shown(f"m{n}", text, own=own) for n, (text, own) in enumerate(messages)]
    pairs = restore.find(doubt(*map(send, texts)), rows, str)
    assert len({message.id for _, message in pairs}) == len(pairs)
    assert len({one.id for one, _ in pairs}) == len(pairs)
    assert all(message.own and message.text == one.text for one, message in pairs)
    for text in "ab":
        own = sum(message.own and message.text == text for message in rows)
        assert sum(one.text == text for one, _ in pairs) == min(own, texts.count(text))


class Pages:
    """A thread of several pages, newest first."""

    def __init__(self, *pages: tuple[ThreadMessage, ...], beginning: bool = True) -> None:
        self._pages = list(pages)
        self._beginning = beginning
        self.fan_platform_id = "p1"
        self.messages = self._pages.pop(0)
        self.newest_message_id = "n"
        self.normalise = str

    @property
    def shows_beginning(self) -> bool:
        """Whether nothing comes before this page."""
        return self._beginning and not self._pages

    async def show_older(self) -> bool:
        """Turn to the page before."""
        if not self._pages:
            return False
        self.messages = self._pages.pop(0)
        return True


def traced(thread: Pages, about: ThreadInDoubt) -> tuple[list[str], bool]:
    ledger = AsyncMock()
    outcome = asyncio.run(restore.trace(thread, ledger, about))  # type: ignore[arg-type]
    return [call.args[1] for call in ledger.settle_found.await_args_list], outcome.whole


def test_pages_are_turned_until_the_backups_time_is_reached() -> None:
    new, middle, old = shown("m3", "x"), shown("m2"), shown("m1", minutes=-1)
    thread = Pages((new,), (middle,), (old,), (shown("m0"),))
    assert traced(thread, doubt(send())) == (["m2"], True)
    # The page before was not asked for.
    assert thread.messages == (old,)


def test_a_message_that_the_ledger_knows_from_before_ends_the_search() -> None:
    thread = Pages((shown("m2", minutes=None),), (shown("m1", minutes=None),), (shown("m0"),))
    assert traced(thread, doubt(send(), known=("m1",), older=("m1",))) == (["m2"], True)


def test_a_beginning_that_cannot_be_seen_is_not_the_whole_thread() -> None:
    assert traced(Pages((shown("m1", "x"),)), doubt(send())) == ([], True)
    assert traced(Pages((shown("m1", "x"),), beginning=False), doubt(send())) == ([], False)


def chat(fan: str, minutes: float | None) -> ThreadRow:
    at = None if minutes is None else SINCE + timedelta(minutes=minutes)
    return ThreadRow(fan, fan, None, None, True, at, None, 0)


def reconcile(
    *chats: ThreadRow, next_cursor: str | None = None, leaving: bool = False, site: AsyncMock
) -> AsyncMock:
    async def pages(_cursor: str | None):
        yield ListPage(chats, next_cursor)

    site.threads = pages
    ledger = AsyncMock()
    ledger.threads_in_doubt.side_effect = lambda fans: [
        ThreadInDoubt(fan, fan, SINCE, [], [], [send()]) for fan in fans
    ]
    asyncio.run(restore.reconcile_page(site, ledger, PAGE, lambda: leaving))
    return ledger


def test_only_chats_that_moved_since_the_backup_are_read() -> None:
    site = AsyncMock()
    site.open_thread.side_effect = lambda *_, **__: Pages((shown("m1"),))
    ledger = reconcile(chat("a", 1), chat("b", -1), chat("c", None), next_cursor="2", site=site)
    assert [call.args[0] for call in site.open_thread.await_args_list] == ["a", "c"]
    ledger.advance_reconciliation.assert_awaited_once_with(
        PAGE, threads=2, found=2, next_cursor="2"
    )


def test_a_page_on_which_nothing_moved_is_the_last() -> None:
    site = AsyncMock()
    ledger = reconcile(chat("a", -1), next_cursor="2", site=site)
    ledger.advance_reconciliation.assert_awaited_once_with(
        PAGE, threads=0, found=0, next_cursor=None
    )


def test_a_fan_who_is_gone_does_not_hold_up_the_others() -> None:
    site = AsyncMock()
    site.open_thread.side_effect = [FanGone("gone"), Pages((shown("m1"),))]
    ledger = reconcile(chat("a", 1), chat("b", 1), site=site)
    ledger.advance_reconciliation.assert_awaited_once_with(
        PAGE, threads=2, found=1, next_cursor=None
    )


def test_a_worker_that_must_go_leaves_the_page_to_the_next() -> None:
    site = AsyncMock()
    ledger = reconcile(chat("a", 1), leaving=True, site=site)
    site.open_thread.assert_not_awaited()
    ledger.advance_reconciliation.assert_not_awaited()


def delivered(thread: Mock) -> tuple[str, AsyncMock]:
    due = DueSend(
        *(new_id(), None, new_id(), "p1", "ann", 3, "hello", 0, [], 1, 0, None, SINCE),
        may_be_sent=True,
    )
    ledger, site = AsyncMock(), AsyncMock()
    site.open_thread.return_value = thread
    about = doubt(ForgottenSend(due.id, due.text, 0, submitting=False))
    ledger.threads_in_doubt.return_value = [about]
    ledger.skip.side_effect = lambda _, reason: Mock(why=reason)
    profile = load_profile("fan_platform")
    outcome = asyncio.run(deliver(site, ledger, profile, due, lambda _: None)).outcome
    ledger.grant.assert_not_awaited()
    return outcome, ledger


def test_what_the_thread_shows_already_is_never_granted() -> None:
    outcome, ledger = delivered(Pages((shown("m1"),)))  # type: ignore[arg-type]
    assert outcome == "sent_before_restore"
    ledger.settle_found.assert_awaited_once()


def test_what_the_thread_cannot_show_any_more_is_given_up_with_the_reason() -> None:
    outcome, _ = delivered(Pages((shown("m1", "x"),), beginning=False))  # type: ignore[arg-type]
    assert outcome == SkipReason.RESTORE_UNCLEAR
