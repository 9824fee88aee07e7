"""The document says what is so: each operation has an entry, its right, and an example."""

import json

from tests.integration.matrix.document import DOCUMENT, OPERATIONS, PRIVATE, WITH_BODY, each
from tests.integration.matrix.entries import MATRIX, PUBLIC


def test_every_operation_has_an_entry():
    assert MATRIX.keys() | PUBLIC == OPERATIONS.keys()
    for method, path in PRIVATE:
        body = MATRIX[method, path].body
        assert ("requestBody" in OPERATIONS[method, path]) == (body is not None), path


@each(PRIVATE)
def test_the_document_names_the_right(method, path):
    entry, named = MATRIX[method, path], OPERATIONS[method, path].get("x-rights", [])
    assert (entry.right in named) if entry.right else (named == [])


@each(WITH_BODY)
def test_takes_the_example_of_the_document(call, workspace, method, path):
    """Whatever there is none of, or is in no state for it: the body itself is well."""
    ids, member = workspace()
    media = OPERATIONS[method, path]["requestBody"]["content"]["application/json"]
    if "examples" in media:
        shared = media["examples"]["typical"]["$ref"].rpartition("/")[2]
        example = DOCUMENT["components"]["examples"][shared]["value"]
    else:
        example = media["example"]
    status, text = call(method, path, ids, member(), body=example)
    assert status not in (400, 413, 415), text
    if status == 422:
        # A creator's or another thing's id, or a workspace's name, which is nobody's here.
        foreign = ("_id", "_ids", "workspace_name")
        assert all(name.endswith(foreign) for name in json.loads(text).get("fields", {}))
