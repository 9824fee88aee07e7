"""The command that verifies an exported audit log: nothing that was done to it escapes."""

import json

import pytest

from huntaze.domain import audit
from operations.audit import main


@pytest.fixture
def lines(tenant, tenant_factory):
    """Seven entries, as an export writes them."""
    ids = tenant_factory()
    for number in range(7):
        with tenant(ids.workspace_id).transaction() as connection:
            target = audit.Target("creator", ids.creator_id)
            facts = {"n": number, "text": "é \\"}
            audit.record(connection, "creator.changed", target, actor_id=ids.user_id, facts=facts)
    with tenant(ids.workspace_id).transaction() as connection:
        rows = connection.execute(
            "SELECT row_to_json(l)::text FROM audit_log l ORDER BY sequence"
        ).fetchall()
    return [row[0] for row in rows]


@pytest.fixture
def verify(tmp_path, capsys):
    """Run the command on lines; answers its status and what it tells."""

    def make(lines, *options):
        file = tmp_path / "log.jsonl"
        file.write_text("".join(f"{line}\n" for line in lines))
        status = main([str(file), *options])
        told = capsys.readouterr()
        return status, json.loads(told.out) if told.out else told.err

    return make


def _head(lines):
    return json.loads(lines[-1])["hash"]


def test_a_whole_log_is_intact_in_either_order(verify, lines):
    for order in (lines, lines[::-1]):
        status, told = verify(order, "--head", _head(lines))
        assert (status, told["intact"], told["entries"]) == (0, True, 7)
        assert told["end_is_proven"] is True


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("facts", "{}"), ("action", "creator.deleted"), ("actor_id", None)),
        *(("at", "2020-01-01T00:00:00+00:00"), ("target_kind", "fan")),
    ],
)
@pytest.mark.parametrize("place", [0, 3, 6])
def test_finds_a_changed_entry(verify, lines, place, field, value):
    lines[place] = json.dumps({**json.loads(lines[place]), field: value})
    status, told = verify(lines)
    assert (status, told["intact"], told["first_broken"]) == (1, False, place + 1)


@pytest.mark.parametrize("place", [0, 3, 5])
def test_finds_a_removed_entry(verify, lines, place):
    del lines[place]
    status, told = verify(lines)
    assert (status, told["first_broken"]) == (1, place + 1)


def test_finds_an_inserted_entry(verify, lines):
    copied = json.loads(lines[2])
    lines.insert(3, json.dumps({**copied, "sequence": 4}))
    status, told = verify(lines)
    assert (status, told["intact"]) == (1, False)


def test_finds_a_cut_tail_by_the_head_that_was_kept(verify, lines):
    head = _head(lines)
    status, told = verify(lines[:-1], "--head", head)
    assert (status, told["first_broken"]) == (1, 7)
    # With nothing kept, nobody can tell; the answer says so.
    status, told = verify(lines[:-1])
    assert (status, told["end_is_proven"]) == (0, False)
    status, _ = verify([], "--head", head)
    assert status == 1


@pytest.mark.parametrize("line", ["no json", "[]", "{}", '{"hash": 1}'])
def test_refuses_what_is_no_log_without_quoting_it(verify, lines, line):
    status, told = verify([*lines, line])
    assert (status, told) == (2, "Line 8 is no entry of an audit log.\n")


def test_two_workspaces_are_two_logs(verify, lines):
    other = json.loads(lines[-1]) | {"workspace_id": "01990000-0000-7000-8000-000000000000"}
    status, told = verify([*lines, json.dumps(other)])
    assert (status, "several workspaces" in told) == (2, True)
