"""Which refusals each route can give, read from the code that answers it.

From a route's function on, every function, class and provider that it names is followed, through
the feature, :mod:`huntaze.domain` and the floor below; what they raise is what the route can give.
A method of something whose class is not known here is every method of that name in the feature and
in what the feature imports, so that nothing is missed; tests hold every refusal that they meet
against the result.
"""

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator
from functools import cache
from http import HTTPStatus
from types import ModuleType
from typing import Any, get_args

from huntaze import errors, idempotency
from huntaze.auth import EmailUnverifiedError, NoWorkspaceError, Right
from huntaze.errors import HuntazeError

_OURS = ("functions.", "huntaze.")
# What Python's own types are asked for everywhere: a method of ours of that name is not meant.
_COMMON = frozenset({"execute", "fetchone", "fetchall", "format", "get", "items", "join", "append"})

# Every route with a body, every route of members, and every one whose repetition is known.
OF_BODIES = (errors.BadRequestError, errors.UnsupportedMediaTypeError, errors.TooLargeError)
OF_CALLERS = (errors.UnauthorizedError, errors.ForbiddenError)
OF_MEMBERS = (NoWorkspaceError,)
OF_KEYS = (
    errors.BadRequestError,
    idempotency.RequestInFlightError,
    idempotency.IdempotencyKeyReusedError,
    idempotency.ReplyErasedError,
)
OF_OPERATORS = (errors.ForbiddenError, EmailUnverifiedError)

type Refusal = type[HuntazeError]
type Part = Callable[..., Any]


def raised_by(route: Part) -> frozenset[Refusal]:
    """The refusals that a route's function, and all that it calls, can raise."""
    found: set[Refusal] = set()
    seen: set[Any] = set()
    waiting: list[Any] = [route]
    feature = _feature(route.__module__)
    while waiting:
        part = waiting.pop()
        if part in seen:
            continue
        seen.add(part)
        refusals, named = _looked_at(part, feature)
        found |= refusals
        waiting += named
    # What we cannot help is no refusal, and is not promised.
    return frozenset(one for one in found if one.status < HTTPStatus.INTERNAL_SERVER_ERROR)


def rights_of(route: Part) -> frozenset[Right]:
    """The rights that a route's function, or a provider beside it, names to ask for."""
    found: set[Right] = set()
    seen: set[Any] = set()
    waiting: list[Any] = [route]
    while waiting:
        part = waiting.pop()
        if part in seen or _module(part) != route.__module__ or inspect.isclass(part):
            continue
        seen.add(part)
        tree = ast.parse(textwrap.dedent(inspect.getsource(part)))
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "Right":
                found.add(Right[node.attr])
        waiting += _looked_at(part, _feature(route.__module__))[1]
    return frozenset(found)


@cache
def _looked_at(part: Any, feature: str) -> tuple[frozenset[Refusal], tuple[Any, ...]]:  # noqa: ANN401
    """What one function or class raises by itself, and what it names."""
    if inspect.isclass(part):
        return frozenset(), tuple(_methods(part, "__init__"))
    part = inspect.unwrap(getattr(part, "__func__", part))
    try:
        source = inspect.getsource(part)
    except OSError:
        # Made by a library: it has no text of its own, and raises nothing of ours.
        return frozenset(), ()
    tree = ast.parse(textwrap.dedent(source))
    known = {**vars(sys.modules[part.__module__]), **_closure(part)}
    refusals: set[Refusal] = set()
    named: list[Any] = list(_providers(part))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            named.append(known.get(node.id))
        elif isinstance(node, ast.Attribute):
            named += _attribute(node, known, feature)
        if isinstance(node, ast.Raise) and node.exc is not None:
            refusals |= _refusals(node.exc, known)
    ours = [one for one in named if _is_ours(one) and not _is_refusal(one)]
    return frozenset(refusals), tuple(dict.fromkeys(ours))


def _attribute(node: ast.Attribute, known: dict[str, Any], feature: str) -> list[Any]:
    holder = _value(node.value, known)
    if isinstance(holder, ModuleType) or inspect.isclass(holder):
        return [getattr(holder, node.attr, None)]
    if node.attr in _COMMON:
        return []
    return _methods_named(node.attr, feature)


def _refusals(raised: ast.expr, known: dict[str, Any]) -> set[Refusal]:
    value = _value(raised.func if isinstance(raised, ast.Call) else raised, known)
    if _is_refusal(value):
        return {value}
    # A refusal that a function makes: what it says that it returns.
    made = inspect.get_annotations(value).get("return") if callable(value) else None
    return {one for one in (made, *get_args(made)) if _is_refusal(one)}


def _value(node: ast.expr, known: dict[str, Any]) -> Any:  # noqa: ANN401
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.Attribute):
        holder = _value(node.value, known)
        return getattr(holder, node.attr, None) if isinstance(holder, ModuleType) else None
    return None


def _providers(part: Part) -> Iterator[Any]:
    """What Powertools calls before the function: the providers of its parameters."""
    for annotation in inspect.get_annotations(part).values():
        for extra in getattr(annotation, "__metadata__", ()):
            yield getattr(extra, "dependency", None)


@cache
def _methods_named(name: str, feature: str) -> list[Any]:
    found: list[Any] = []
    for module in _modules_of(feature):
        for value in vars(module).values():
            if inspect.isclass(value) and value.__module__ == module.__name__:
                found += _methods(value, name)
    return found


def _methods(of: type, name: str) -> list[Any]:
    method = vars(of).get(name)
    return [method] if inspect.isfunction(method) else []


@cache
def _modules_of(feature: str) -> list[ModuleType]:
    """The feature's modules, and those of ours that they import, directly or not."""
    found: dict[str, ModuleType] = {}
    waiting = [name for name in sys.modules if f"{name}.".startswith(f"{feature}.")]
    while waiting:
        name = waiting.pop()
        if name in found or name not in sys.modules:
            continue
        found[name] = sys.modules[name]
        for value in vars(found[name]).values():
            origin = value.__name__ if isinstance(value, ModuleType) else _module(value)
            if origin.startswith(_OURS):
                waiting.append(origin)
    return list(found.values())


def _closure(part: Part) -> dict[str, Any]:
    variables = inspect.getclosurevars(part) if inspect.isfunction(part) else None
    return dict(variables.nonlocals) if variables else {}


def _feature(module: str) -> str:
    return ".".join(module.split(".")[:2])


def _module(value: Any) -> str:  # noqa: ANN401
    return str(getattr(value, "__module__", None) or "")


def _is_ours(value: Any) -> bool:  # noqa: ANN401
    is_code = inspect.isfunction(value) or inspect.isclass(value) or inspect.ismethod(value)
    return is_code and _module(value).startswith(_OURS)


def _is_refusal(value: Any) -> bool:  # noqa: ANN401
    return inspect.isclass(value) and issubclass(value, HuntazeError)
