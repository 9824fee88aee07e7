"""No operation shows or takes what is another's, who has got hold of ids: in path, query or body.

Another's is what belongs to another workspace, and to a creator whom a member does not work for.
"""

import json

import pytest

from huntaze.auth import RIGHTS, Role
from huntaze.ids import new_id
from tests.fakes.full_workspace.rows import MARK
from tests.integration.matrix.document import (
    PRIVATE,
    TENANT,
    WITH_BODY,
    WITH_PATH,
    body_ids,
    each,
    query_ids,
)
from tests.integration.matrix.entries import MATRIX

# Fields of bodies that are called otherwise than what they name.
OF_MANY = {
    "media_ids": "media_id",
    "fan_ids": "fan_id",
    "creator_ids": "creator_id",
    "segment_ids": "segment_id",
}
OF_ONE = {"assigned_to": "member_id"}


@each([one for one in TENANT if not MATRIX[one].of_caller])
@pytest.mark.parametrize("role", ["manager", "chatter", "analyst"])
def test_hides_a_creator_from_who_works_for_another(call, standing, method, path, role):
    ids, member = standing()
    entry = MATRIX[method, path]
    body = entry.body and entry.body(ids)
    query = dict.fromkeys(query_ids(method, path, only="creator_id"), ids["creator_id"])
    status, text = call(method, path, ids, member(role, [new_id()]), body=body, query=query or None)
    assert MARK not in text
    if entry.right not in RIGHTS[Role(role)]:
        assert status == 403
    elif (method, path) == ("post", "/api/management/creators"):
        assert status == 403, "who sees some creators only would not see the new one"
    elif "{" in path or query or "creator_id" in (body or {}):
        assert status == 404


@each(WITH_PATH)
def test_hides_what_the_path_names_from_others(call, standing, stranger, method, path):
    ids, _ = standing()
    own = {name: str(new_id()) for name in ids}
    body = MATRIX[method, path].body
    status, text = call(method, path, ids, stranger, body=body and body(own))
    assert status in (404, 422)
    assert MARK not in text


@each([one for one in PRIVATE if one[0] == "get"])
def test_hides_what_the_query_names_from_others(call, standing, stranger, method, path):
    ids, _ = standing()
    for name in query_ids(method, path):
        value = ids[{"list": "list_id", "target_id": "creator_id"}.get(name, name)]
        status, text = call(method, path, ids, stranger, query={name: value})
        # A filter may just find nothing.
        assert status in (404, 422) or json.loads(text)["items"] == [], name
        assert MARK not in text


@each([one for one in WITH_BODY if one in TENANT])
def test_takes_nothing_of_others_in_a_body(call, standing, method, path):
    theirs, _ = standing("theirs")
    ids, member = standing()
    for name in body_ids(method, path):
        of = OF_MANY.get(name, name)
        foreign = theirs[OF_ONE.get(of, of)] if name == of else [theirs[of]]
        body = {**MATRIX[method, path].body(ids), name: foreign}
        status, text = call(method, path, ids, member(), body=body)
        # A filter may just find nothing.
        assert status in (404, 422) or json.loads(text)["items"] == [], name
        assert MARK not in text
