"""Log lines: JSON, one shape in every function and in the worker, without anybody's words.

Modules log with ``logging.getLogger(__name__)``, a constant sentence and ids as ``extra``. What an
exception says is never logged: drivers and libraries put the values they choked on into it.
"""

import json
import logging
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

from huntaze import correlation
from huntaze.errors import HuntazeError

# Whose sentences are known to be constant. Of all others' only the template is logged.
OURS = ("browser_worker", "functions", "huntaze", "operations")
WITHHELD = "[withheld]"
# No log line has a reason to carry these, whoever adds one; a last line of defence.
NEVER = frozenset(
    {
        *("body", "bio", "captcha", "code", "cookie", "cookies", "credentials", "display_name"),
        *(
            "email",
            "handle",
            "headers",
            "media",
            "message_text",
            "name",
            "note",
            "notes",
            "password",
        ),
        *("phone", "query", "secret", "session", "storage_state", "text", "token", "username"),
    }
)
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_FRAMES = 20


class JsonFormatter(logging.Formatter):
    """One JSON object a line.

    Args:
        service: The function's feature, or the worker.
    """

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Write level, time, service and sentence, what the work is, and the line's own facts."""
        work = correlation.current()
        line: dict[str, Any] = {
            "level": record.levelname,
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage() if _is_ours(record.name) else str(record.msg),
        }
        if work is not None:
            line["correlation_id"] = str(work.correlation_id)
            if work.trace is not None:
                line["trace"] = work.trace
            line |= work.facts
        for name, value in vars(record).items():
            if name not in _STANDARD:
                line[name] = WITHHELD if name in NEVER else value
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = describe(record.exc_info[1])
        return json.dumps(line, default=str, ensure_ascii=False)


class _Output(logging.StreamHandler[TextIO]):
    """Standard output, whichever it is when a line is written."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stdout


def start(service: str) -> None:
    """Log in our shape from now on; repeating it changes nothing.

    Lambda's own handler stays, because it frames lines as its log service wants them.
    """
    root = logging.getLogger()
    if any(isinstance(handler.formatter, JsonFormatter) for handler in root.handlers):
        return
    handlers = [h for h in root.handlers if type(h).__name__.startswith("LambdaLoggerHandler")]
    if not handlers:
        handlers = [_Output()]
        root.addHandler(handlers[0])
    for handler in handlers:
        handler.setFormatter(JsonFormatter(service))
    root.setLevel(logging.WARNING)
    for name in OURS:
        logging.getLogger(name).setLevel(os.environ.get("LOG_LEVEL", "INFO"))


def describe(error: BaseException) -> dict[str, Any]:
    """What may be known of an exception: its type, where it was raised, codes; not its words."""
    kind = type(error)
    told: dict[str, Any] = {"type": f"{kind.__module__}.{kind.__qualname__}", **_codes(error)}
    frames = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{_short(code.co_filename)}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    told["frames"] = frames[-_FRAMES:]
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        told["cause"] = describe(cause)
    return told


def _codes(error: BaseException) -> dict[str, Any]:
    """Codes of errors whose kinds are known, without importing their libraries."""
    if isinstance(error, HuntazeError):
        return {"code": error.code}
    code = getattr(error, "code", None)
    if _is_ours(type(error).__module__) and isinstance(code, str):
        return {"code": code}
    library = type(error).__module__.partition(".")[0]
    if library == "psycopg":
        about = getattr(error, "diag", None)
        facts = ("sqlstate", "table_name", "column_name", "constraint_name")
        return {name: value for name in facts if (value := getattr(about, name, None))}
    if library == "botocore":
        answer = getattr(error, "response", None) or {}
        return {
            "code": answer.get("Error", {}).get("Code"),
            "operation": getattr(error, "operation_name", None),
        }
    if library in {"pydantic", "pydantic_core"}:
        return {"fields": [_place(found) for found in error.errors()[:_FRAMES]]}  # type: ignore[attr-defined]
    return {}


def _place(found: Mapping[str, Any]) -> str:
    # Keys of a mapping may be a caller's: only the outermost place is a name of ours.
    place = found["loc"][0] if found["loc"] else ""
    return f"{place}: {found['type']}"


def _short(path: str) -> str:
    """A source file without where it is installed."""
    for root in ("site-packages/", "/var/task/", "/opt/python/", "layers/common/python/"):
        _, found, rest = path.partition(root)
        if found:
            return rest
    return path.rpartition("huntaze/")[2] if path.startswith("/") else path


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] in OURS
