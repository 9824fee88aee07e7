"""What no operation takes, whoever asks: cursors that no list gave, and bodies of another shape."""

import base64
import json
from typing import Any

from tests.integration.matrix.document import OPERATIONS, PRIVATE, WITH_BODY, body_schema, each
from tests.integration.matrix.entries import MATRIX


@each([one for one in PRIVATE if '"cursor"' in json.dumps(OPERATIONS[one].get("parameters"))])
def test_refuses_cursors_that_no_list_gave(call, standing, method, path):
    ids, member = standing()
    keys: list[Any] = [[], [""], ["a"], ["a", "b"], ["9" * 30, ids["fan_id"]], [1], {}, None]
    for cursor in ("x", "é", *map(_packed, keys)):
        status, text = call(method, path, ids, member(), query={"cursor": cursor})
        assert status == 400, (cursor, text)


def _packed(key: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


@each(WITH_BODY)
def test_refuses_malformed_bodies(call, standing, method, path):
    ids, member = standing()
    good = MATRIX[method, path].body(ids)
    schema = body_schema(method, path)
    bad: list[Any] = ["{", "[", "[]", '"x"', "1", {**good, "unheard_of": 1}]
    bad += [{k: v for k, v in good.items() if k != name} for name in schema.get("required", [])]
    # No field takes such a thing, but for those that take anything.
    odd = {"odd": [{"odd": None}]}
    free = {name for name, shape in schema["properties"].items() if shape.get("type") == "object"}
    bad += [{**good, name: odd} for name in schema["properties"].keys() - free]
    for body in bad:
        who = member(operator=MATRIX[method, path].operator)
        status, text = call(method, path, ids, who, body=body)
        assert status in (400, 422), body
        assert {"error", "detail"} <= set(json.loads(text))
