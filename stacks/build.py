"""Zips of functions and layers: reproducible, with byte-code, kept by the hash of their sources.

CDK would reset file times and so void ordinary byte-code, and it would walk the whole
repository once a function. Zipping here avoids both: one small zip a feature, written
once and found again by its hash.
"""

import hashlib
import py_compile
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import cache_from_source
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".local" / "assets"

# Raise it when the recipe below changes, so that no zip of the old recipe is found again.
_RECIPE = f"3 {sys.implementation.cache_tag}".encode()
# The earliest time a zip can hold; any constant makes equal sources equal zips.
_EPOCH = (1980, 1, 1, 0, 0, 0)
# A zip is made once and unpacked often. What 9 saves beyond 6 is half a hundredth.
_LEVEL = 6


@dataclass(frozen=True)
class Asset:
    """A zip and the hash of what went into it."""

    path: Path
    digest: str


def files_below(folder: Path) -> Iterator[Path]:
    """The files of a folder in a fixed order, without what Python leaves behind."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc":
            yield path


def digest_of(paths: Mapping[str, Path]) -> str:
    """A hash of the names and contents of files."""
    digest = hashlib.sha256(_RECIPE)
    for name, path in sorted(paths.items()):
        content = path.read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def feature_asset(feature: str, extra: tuple[Path, ...] = ()) -> Asset:
    """Zip one feature's folder, and the files named in ``extra``, as the function will see them.

    Raises:
        FileNotFoundError: There is no such feature.
    """
    folder = ROOT / "functions" / feature
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} holds no feature.")
    sources = [*files_below(folder), *extra]
    package = ROOT / "functions" / "__init__.py"
    if package.is_file():
        sources.append(package)
    paths = {str(path.relative_to(ROOT)): path for path in sources}
    return _zipped(f"function-{feature}", paths, runs_in="/var/task")


def common_layer_asset() -> Asset:
    """Zip the package ``huntaze`` as a layer."""
    folder = ROOT / "layers" / "common"
    paths = {str(path.relative_to(folder)): path for path in files_below(folder)}
    return _zipped("layer-common", paths, runs_in="/opt")


def worker_image_context() -> Path:
    """Gather what the image of the browser worker is built from, as it lies in the repository."""
    folders = (ROOT / "containers" / "browser_worker", ROOT / "layers" / "common" / "python")
    sources = [path for folder in folders for path in files_below(folder)]
    paths = {str(path.relative_to(ROOT)): path for path in sources}
    target = CACHE / f"image-browser-worker-{digest_of(paths)[:32]}"
    if not target.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            gathered = Path(scratch) / "context"
            for name, path in paths.items():
                (gathered / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, gathered / name)
            gathered.replace(target)
    return target


def cached(name: str, digest: str) -> Path:
    """Where the zip of these sources is kept."""
    return CACHE / f"{name}-{digest[:32]}.zip"


def write_zip(target: Path, paths: Mapping[str, Path]) -> None:
    """Write files to a zip, which appears whole or not at all.

    Args:
        target: The zip to write.
        paths: The files by the name that they take inside the zip.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        partial = Path(scratch) / "asset.zip"
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, path in sorted(paths.items()):
                entry = zipfile.ZipInfo(name, _EPOCH)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, path.read_bytes(), compresslevel=_LEVEL)
        partial.replace(target)


def _zipped(name: str, paths: Mapping[str, Path], *, runs_in: str) -> Asset:
    digest = digest_of(paths)
    target = cached(name, digest)
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            byte_code = _compiled(paths, Path(scratch), runs_in)
            write_zip(target, {**paths, **byte_code})
    return Asset(target, digest)


def _compiled(paths: Mapping[str, Path], scratch: Path, runs_in: str) -> dict[str, Path]:
    """Compile the sources and name the results as the interpreter looks for them."""
    compiled = {}
    for number, (name, path) in enumerate(paths.items()):
        if path.suffix == ".py":
            byte_code = scratch / f"{number}.pyc"
            # Unchecked: the interpreter trusts the byte-code without comparing file times,
            # which a zip does not keep. Imports take less than half the time.
            py_compile.compile(
                str(path),
                cfile=str(byte_code),
                dfile=f"{runs_in}/{name}",
                doraise=True,
                invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
            )
            compiled[cache_from_source(name)] = byte_code
    return compiled
