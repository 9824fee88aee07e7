"""A client that is generated from the document compiles, and refuses what the API would refuse."""

import shutil
import subprocess
from pathlib import Path

import pytest

from local.openapi import DOCUMENT, ROOT

TOOLS = ROOT / ".tools"
PACKAGES = TOOLS / "client" / "node_modules"
CLIENT = ROOT / "client"


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the client and the types of the document as it is."""
    folder = tmp_path_factory.mktemp("client")
    for file in CLIENT.glob("*.*"):
        shutil.copy(file, folder)
    (folder / "node_modules").symlink_to(PACKAGES)
    made = run("openapi-typescript/bin/cli.js", str(DOCUMENT), "-o", str(folder / "schema.d.ts"))
    assert made.returncode == 0, made.stdout + made.stderr
    return folder


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [TOOLS / "bin" / "node", PACKAGES / program, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_packages_are_those_of_the_lock():
    installed = (TOOLS / "client" / "package-lock.json").read_text()
    assert installed == (CLIENT / "package-lock.json").read_text(), "run `make bootstrap`"


def test_the_client_compiles(generated):
    compiled = run("typescript/bin/tsc", "--noEmit", "-p", str(generated))
    assert compiled.returncode == 0, compiled.stdout


def test_what_the_api_does_not_have_does_not_compile(generated):
    (generated / "wrong.ts").write_text(
        'import { huntaze } from "./huntaze";\n'
        'export const fans = huntaze("").GET("/api/crm/fanz");\n'
    )
    compiled = run("typescript/bin/tsc", "--noEmit", "-p", str(generated))
    (generated / "wrong.ts").unlink()
    assert compiled.returncode != 0
    assert "wrong.ts" in compiled.stdout
