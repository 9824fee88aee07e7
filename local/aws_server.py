"""MiniStack, with layers that are unpacked once and starts that are tried again.

The launcher runs it as a program.

It unpacks every layer anew for each process of a function, tens of megabytes through one
interpreter lock, and removes them again with the process. A cold start was a second of that, and a
moment in which many functions start (a burst, a restart of the database) was a minute.
"""

import os
import sys
import threading
import zipfile
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

# Beside this file lie modules of ours that are called as others are in packages that it imports.
if __name__ == "__main__":
    sys.path.pop(0)

from ministack.app import main
from ministack.core import lambda_runtime
from ministack.services import lambda_svc

_LAYERS = "_LAMBDA_LAYERS_DIRS"
_STARTS = 3

_spawn = lambda_runtime.Worker._spawn
_unpacking = threading.Lock()


def _spawn_with_shared_layers(worker: lambda_runtime.Worker) -> None:
    """Start a process of a function whose layers are where every other one's are."""
    given = worker.config
    folders = [str(one) for one in map(_unpacked, given.get("Layers", [])) if one]
    environment = given.get("Environment", {})
    variables = {**environment.get("Variables", {}), _LAYERS: os.pathsep.join(folders)}
    worker.config = {**given, "Layers": [], "Environment": {**environment, "Variables": variables}}
    try:
        _spawn_until_it_stays(worker)
    finally:
        worker.config = given


def _spawn_until_it_stays(worker: lambda_runtime.Worker) -> None:
    """Start a process again that ended as it started, as Lambda does.

    MiniStack would end every other process of the function with it, those that are starting
    included, and each of these the others.
    """
    for left in reversed(range(_STARTS)):
        try:
            _spawn(worker)
        except (RuntimeError, OSError):
            if not left:
                raise
        else:
            return


def _unpacked(attachment: str | dict[str, Any]) -> Path | None:
    """Return the folder of a layer's version, which never changes; None: it has no content."""
    name = attachment if isinstance(attachment, str) else str(attachment["Arn"])
    folder = Path(os.environ["TMPDIR"]) / "layers" / sha256(name.encode()).hexdigest()[:32]
    with _unpacking:
        if not folder.exists():
            content = lambda_svc._resolve_layer_zip(attachment)
            if not content:
                return None
            # Whole or not at all: a process may end at any moment.
            scratch = folder.with_suffix(f".{os.getpid()}")
            with zipfile.ZipFile(BytesIO(content)) as layer:
                layer.extractall(scratch)
            scratch.rename(folder)
    return folder


if __name__ == "__main__":
    lambda_runtime.Worker._spawn = _spawn_with_shared_layers
    main()
