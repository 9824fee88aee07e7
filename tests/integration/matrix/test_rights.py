"""Every operation, asked by those who may and by those who may not: nobody, roles, operators."""

import json

import pytest

from huntaze.auth import RIGHTS, Role
from huntaze.ids import new_id
from tests.fakes.full_workspace.rows import MARK
from tests.integration.matrix.document import PRIVATE, TENANT, each, path_names
from tests.integration.matrix.entries import MATRIX


@each(PRIVATE)
def test_refuses_strangers_whatever_they_send(call, method, path):
    ids = dict.fromkeys(path_names(path), str(new_id()))
    for body in (None, "{", "[]", "{}"):
        assert call(method, path, ids, None, body=body).status == 401


@each(PRIVATE)
@pytest.mark.parametrize("role", list(Role))
def test_allows_what_the_role_may_and_nothing_else(call, workspace, standing, method, path, role):
    entry = MATRIX[method, path]
    may = not entry.operator and (entry.right is None or entry.right in RIGHTS[role])
    ids, member = workspace() if may and method != "get" else standing()
    body = entry.body and entry.body(ids)
    status, text = call(method, path, ids, member(role), body=body)
    if may:
        assert status == 409 if entry.conflict else 200 <= status < 300, text
    else:
        assert status == 403
        assert MARK not in text


@each(PRIVATE)
def test_an_operator_in_no_workspace_reaches_no_workspace(
    call, standing, lone_operator, method, path
):
    ids, _ = standing()
    entry = MATRIX[method, path]
    if path.startswith("/api/auth/"):
        # About the person: their sessions and accounts, in whatever workspace.
        return
    status, text = call(method, path, ids, lone_operator, body=entry.body and entry.body(ids))
    assert MARK not in text
    if entry.operator:
        assert status == 200, text
    else:
        assert (status, json.loads(text)["error"]) == (403, "NoWorkspace")


@each(PRIVATE)
def test_an_operator_has_no_more_rights_in_a_workspace(call, standing, method, path):
    ids, member = standing()
    entry = MATRIX[method, path]
    who = member("analyst", operator=True)
    if entry.operator:
        body = entry.body and entry.body(ids)
        assert call(method, path, ids, who, body=body).status == 200
    elif entry.right not in {None, *RIGHTS[Role.ANALYST]}:
        assert call(method, path, ids, who, body=entry.body and entry.body(ids)).status == 403


@each(TENANT)
def test_lets_a_chatter_work_for_their_creator(call, workspace, standing, method, path):
    entry = MATRIX[method, path]
    may = entry.right is None or entry.right in RIGHTS[Role.CHATTER]
    ids, member = workspace() if may and method != "get" else standing()
    who = member("chatter", [ids["creator_id"]])
    status, text = call(method, path, ids, who, body=entry.body and entry.body(ids))
    if may:
        assert status == 409 if entry.conflict else 200 <= status < 300, text
    else:
        assert status == 403
        assert MARK not in text
