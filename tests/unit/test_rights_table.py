"""The table of rights in the documentation is the one that requests are held against."""

import pytest

from huntaze.auth import RIGHTS, EmailUnverifiedError, Principal, Right, Role
from huntaze.errors import ForbiddenError
from huntaze.ids import new_id
from local import rights


def test_the_document_says_what_the_code_does():
    assert rights.DOCUMENT.read_text() == rights.build(), "run: python -m local.rights"


def test_every_right_is_explained():
    assert rights.MEANINGS.keys() == set(Right)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("right", Right)
def test_each_cell_is_what_a_request_meets(role, right):
    (line,) = [one for one in rights.build().splitlines() if one.startswith(f"| `{right}`")]
    cell = line.split("|")[3 + list(Role).index(role)].strip()
    ids = {name: new_id() for name in ("user_id", "workspace_id", "session_id")}
    caller = Principal(**ids, role=role, plan="trial", email_verified=True)
    if cell == "yes":
        caller.require(right)
        unverified = caller.model_copy(update={"email_verified": False})
        if "¹" in line:
            with pytest.raises(EmailUnverifiedError):
                unverified.require(right)
        else:
            unverified.require(right)
    else:
        with pytest.raises(ForbiddenError):
            caller.require(right)


def test_no_role_may_more_than_an_owner():
    assert all(RIGHTS[role] <= RIGHTS[Role.OWNER] for role in Role)
