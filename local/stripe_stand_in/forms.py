"""Stripe's way of writing nested parameters in a form: ``items[0][price]=…``."""

import re
from collections.abc import Iterable
from typing import Any

_PART = re.compile(r"\[([^\]]*)\]")


def unflatten(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Make the nested parameters of a flat form."""
    root: dict[str, Any] = {}
    for name, value in pairs:
        head, bracket, _ = name.partition("[")
        keys = [head, *(_PART.findall(name) if bracket else [])]
        at = root
        for key, following in zip(keys, [*keys[1:], None], strict=True):
            # `expand[]=a&expand[]=b`: the next free place.
            place = key or str(len(at))
            if following is None:
                at[place] = value
            else:
                at = at.setdefault(place, {})
    listed = _lists(root)
    return listed if isinstance(listed, dict) else {}


def _lists(node: Any) -> Any:  # noqa: ANN401 (any part of a form)
    """Turn objects whose keys count from 0 into lists."""
    if not isinstance(node, dict):
        return node
    values = {key: _lists(value) for key, value in node.items()}
    if values and list(values) == [str(n) for n in range(len(values))]:
        return list(values.values())
    return values
