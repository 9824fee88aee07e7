"""The layers of the functions: the package ``huntaze`` and the locked dependencies.

A stack owns its layer versions. Were they exported by one stack, CloudFormation would
refuse each update: an export that another stack uses cannot change.
"""

import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks.build import CACHE, ROOT, Asset, cached, common_layer_asset, write_zip
from stacks.settings import StageSettings

LOCK = ROOT / "layers" / "dependencies" / "requirements.txt"

# Half of all third-party code, which only a few features call. Each travels in a layer
# of its own, so that the other functions start without the weight.
HEAVY_PACKAGES: dict[str, tuple[str, ...]] = {
    "openai": ("openai",),
    "stripe": ("stripe",),
    # The wheel brings the libraries for each format along.
    "pillow": ("PIL", "pillow.libs"),
}
# Command-line tools that some wheels bring along; no function runs them.
_NEVER_RUN = "bin"


class Layers(Construct):
    """The layer versions of one stack."""

    def __init__(self, scope: Construct, construct_id: str, settings: StageSettings) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self._heavy: dict[str, lambda_.ILayerVersion] = {}
        self._always: list[lambda_.ILayerVersion] = [self._version("Common", common_layer_asset())]
        if settings.dependencies_layer:
            asset = dependencies_asset(settings, "dependencies")
            self._always.append(self._version("Dependencies", asset))

    def versions(self, *heavy: str) -> list[lambda_.ILayerVersion]:
        """The layers of a function that also calls the packages named in ``heavy``."""
        if not self._settings.dependencies_layer:
            return self._always
        for package in heavy:
            if package not in self._heavy:
                asset = dependencies_asset(self._settings, package)
                self._heavy[package] = self._version(package.title(), asset)
        return [*self._always, *(self._heavy[package] for package in heavy)]

    def _version(self, name: str, asset: Asset) -> lambda_.LayerVersion:
        return lambda_.LayerVersion(
            self,
            name,
            code=lambda_.Code.from_asset(str(asset.path), asset_hash=asset.digest),
            compatible_architectures=[architecture(self._settings)],
            compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
        )


def architecture(settings: StageSettings) -> lambda_.Architecture:
    """The processor that the stage's functions run on."""
    return lambda_.Architecture.ARM_64 if settings.arm64 else lambda_.Architecture.X86_64


def dependencies_asset(settings: StageSettings, name: str) -> Asset:
    """The zip of one layer of locked wheels for the stage's processor.

    Args:
        settings: The stage.
        name: A heavy package, or ``dependencies`` for all the others.
    """
    wheels_for = _wheel_platform(settings)
    recipe = (name, LOCK.read_bytes(), wheels_for, sorted(HEAVY_PACKAGES.items()))
    digest = hashlib.sha256(repr(recipe).encode()).hexdigest()
    target = cached(f"layer-{name}", digest)
    if not target.is_file():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            installed = Path(scratch)
            _install(installed, wheels_for)
            _keep_only(installed, name)
            _compile(installed)
            files = (path for path in installed.rglob("*") if path.is_file())
            write_zip(target, {f"python/{path.relative_to(installed)}": path for path in files})
    return Asset(target, digest)


def _wheel_platform(settings: StageSettings) -> str:
    if settings.on_aws:
        # Lambda's Python 3.13 runs on Amazon Linux 2023 (glibc 2.34); some wheels for
        # arm64 ask for more than manylinux2014 has.
        return "aarch64-manylinux_2_28"
    system = "apple-darwin" if platform.system() == "Darwin" else "manylinux_2_28"
    return f"{'aarch64' if settings.arm64 else 'x86_64'}-{system}"


def _install(target: Path, wheels_for: str) -> None:
    subprocess.run(  # noqa: S603 - the command is ours, its only input is the lock
        [
            *_uv(),
            *("pip", "install", "--quiet", "--target", str(target)),
            *("--python-platform", wheels_for, "--python-version", "3.13"),
            *("--only-binary", ":all:", "--require-hashes", "-r", str(LOCK)),
        ],
        check=True,
    )


def _keep_only(installed: Path, layer: str) -> None:
    """Remove what belongs to other layers, or to none."""
    elsewhere = {name for names in HEAVY_PACKAGES.values() for name in names} | {_NEVER_RUN}
    for entry in list(installed.iterdir()):
        if layer in HEAVY_PACKAGES:
            belongs = entry.name in HEAVY_PACKAGES[layer]
        else:
            belongs = entry.name not in elsewhere
        if not belongs and entry.is_dir():
            shutil.rmtree(entry)
        elif not belongs:
            entry.unlink()


def _compile(installed: Path) -> None:
    # In processes of their own, one a core: thousands of modules. A wheel may carry a template
    # that is no module yet; such a file is not imported either, so its failure is none.
    subprocess.run(  # noqa: S603 - as above
        [
            *(sys.executable, "-m", "compileall", "-qq", "-j", "0"),
            *("--invalidation-mode", "unchecked-hash"),
            *("-s", str(installed), "-p", "/opt/python", str(installed)),
        ],
        check=False,
    )


def _uv() -> list[str]:
    """The installer: the virtual environment's, the repository's, or the machine's own."""
    beside_python = Path(sys.executable).with_name("uv")
    in_tools = ROOT / ".tools" / "uv" / "bin" / "uv"
    for candidate in (beside_python, in_tools):
        if candidate.is_file():
            return [str(candidate)]
    on_path = shutil.which("uv")
    return [on_path] if on_path else [sys.executable, "-m", "uv"]
