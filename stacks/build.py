"""Zips of functions and layers: reproducible, with byte-code, kept by the hash of their sources.

CDK would reset file times and so void ordinary byte-code, and it would walk the whole
repository once a function. Zipping here avoids both: one small zip a feature, written
once and found again by its hash.
"""

import hashlib
import py_compile
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".local" / "assets"

# Raise it when the recipe below changes, so that no zip of the old recipe is found again.
_RECIPE = b"1"
# The earliest time a zip can hold; any constant makes equal sources equal zips.
_EPOCH = (1980, 1, 1, 0, 0, 0)


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
    return _zipped(f"function-{feature}", paths, digest_of(paths), runs_in="/var/task")


def common_layer_asset() -> Asset:
    """Zip the package ``huntaze`` as a layer."""
    folder = ROOT / "layers" / "common"
    paths = {str(path.relative_to(folder)): path for path in files_below(folder)}
    return _zipped("layer-common", paths, digest_of(paths), runs_in="/opt")


def cached(name: str, digest: str) -> Path:
    """Where the zip of these sources is kept."""
    return CACHE / f"{name}-{digest[:32]}.zip"


def write_zip(target: Path, paths: Mapping[str, Path], *, runs_in: str) -> None:
    """Write files and their byte-code to a zip, which appears whole or not at all.

    Args:
        target: The zip to write.
        paths: The files by the name that they take inside the zip.
        runs_in: The folder into which the zip is unpacked at run time, for tracebacks.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        partial = Path(scratch) / "asset.zip"
        byte_code = Path(scratch) / "module.pyc"
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, path in sorted(paths.items()):
                _add(archive, name, path.read_bytes())
                if path.suffix == ".py":
                    _compile(path, byte_code, f"{runs_in}/{name}")
                    _add(archive, _byte_code_name(name), byte_code.read_bytes())
        partial.replace(target)


def _zipped(name: str, paths: Mapping[str, Path], digest: str, *, runs_in: str) -> Asset:
    target = cached(name, digest)
    if not target.is_file():
        write_zip(target, paths, runs_in=runs_in)
    return Asset(target, digest)


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content)


def _compile(source: Path, target: Path, shown_as: str) -> None:
    # Unchecked: the interpreter trusts the byte-code without comparing file times,
    # which a zip does not keep. Imports take less than half the time.
    py_compile.compile(
        str(source),
        cfile=str(target),
        dfile=shown_as,
        doraise=True,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )


def _byte_code_name(name: str) -> str:
    folder, _, module = name.rpartition("/")
    return f"{folder}/__pycache__/{module.removesuffix('.py')}.cpython-313.pyc".lstrip("/")
