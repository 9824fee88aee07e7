"""The image of the browser worker, read as text: there may be no Docker where tests run."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import cdk_app
from local.worker import Supervisor
from stacks.build import worker_image_context

ROOT = Path(cdk_app.__file__).parent
DOCKERFILE = ROOT / "containers" / "browser_worker" / "Dockerfile"
LOCK = ROOT / "containers" / "browser_worker" / "requirements.txt"


@pytest.fixture(scope="module")
def stages():
    """The instructions of each stage by its name; the last one's is ``final``."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    found = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        verb, _, rest = line.partition(" ")
        if verb == "FROM":
            origin, _, name = rest.partition(" AS ")
            current = found.setdefault(name or "final", [])
        current.append((verb, rest.strip() if verb != "FROM" else origin))
    return found


@pytest.fixture(scope="module")
def instructions(stages):
    return [instruction for stage in stages.values() for instruction in stage]


def _one(stage, verb):
    (found,) = [rest for name, rest in stage if name == verb]
    return found


def _environment(stage):
    return dict(part.split("=", 1) for part in shlex.split(_one(stage, "ENV")))


def _locked(package):
    (version,) = re.findall(rf"^{package}==(\S+)", LOCK.read_text(), flags=re.MULTILINE)
    return version


def test_every_base_is_pinned_to_a_release(stages):
    outside = [stage[0][1] for stage in stages.values() if stage[0][1] not in stages]
    assert len(outside) == 2
    for image in outside:
        assert re.search(r":v?\d+\.\d+\.\d+(-\w+)?(@sha256:[0-9a-f]{64})?$", image), image


def test_the_browser_is_of_the_locked_playwrights_release(stages):
    image = stages["base"][0][1].partition("@")[0]
    assert image == f"mcr.microsoft.com/playwright/python:v{_locked('playwright')}-noble"


def test_the_installer_is_the_repositorys_own(stages):
    (version,) = re.findall(r"^uv==(\S+)", (ROOT / "requirements.in").read_text(), re.MULTILINE)
    assert stages["uv"][0][1].partition("@")[0].endswith(f"/uv:{version}")


def test_python_is_the_one_that_functions_and_tests_run_on(stages):
    fetched = set(re.findall(r"(?:python install|--python) (\d\S+)", str(stages["build"])))
    assert len(fetched) == 1
    assert fetched.pop().startswith(f"{sys.version_info.major}.{sys.version_info.minor}.")


def test_nothing_is_installed_that_is_not_locked_with_its_hash(stages):
    (install,) = [rest for verb, rest in stages["build"] if verb == "RUN" and "pip install" in rest]
    assert "--require-hashes" in install
    assert "--only-binary :all:" in install
    assert not [rest for verb, rest in stages["final"] if verb == "RUN" and "install" in rest]
    assert "--hash=sha256:" in LOCK.read_text()


def test_the_lock_holds_what_the_worker_asks_for():
    asked = set(re.findall(r"^([a-z0-9-]+)", LOCK.with_suffix(".in").read_text(), re.MULTILINE))
    assert asked
    for package in asked:
        assert _locked(package)


def test_the_lock_agrees_with_everybody_elses():
    ours = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", LOCK.read_text(), re.MULTILINE))
    common = (ROOT / "requirements.txt").read_text()
    theirs = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", common, re.MULTILINE))
    assert {name: version for name, version in ours.items() if theirs.get(name) != version} == {}


def test_nothing_comes_from_an_address(instructions):
    assert "ADD" not in {verb for verb, _ in instructions}
    assert not [rest for verb, rest in instructions if verb == "COPY" and "://" in rest]
    assert not [rest for verb, rest in instructions if re.search(r"\b(curl|wget)\b", rest)]


def test_it_runs_as_nobody(stages):
    verbs = [verb for verb, _ in stages["final"]]
    user = _one(stages["final"], "USER")
    assert int(user) > 0
    assert f"--uid {user}" in str(stages["final"])
    # Nothing is changed, and no file laid down, after the rights were given up.
    assert not {"RUN", "COPY"} & set(verbs[verbs.index("USER") :])


def test_the_task_runs_as_the_images_user(stages, production):
    (task,) = production.of_kind("AWS::ECS::TaskDefinition")
    (container,) = task.properties["ContainerDefinitions"]
    assert container["User"] == _one(stages["final"], "USER")
    assert "EntryPoint" not in container
    assert "Command" not in container


def test_the_task_asks_after_its_health_as_the_image_does(stages, production):
    command = re.search(r"CMD (\[.*\])$", _one(stages["final"], "HEALTHCHECK"))[1]
    (task,) = production.of_kind("AWS::ECS::TaskDefinition")
    (container,) = task.properties["ContainerDefinitions"]
    assert ["CMD", *json.loads(command)] == container["HealthCheck"]["Command"]


def test_it_starts_what_the_local_launcher_starts(stages):
    started = json.loads(_one(stages["final"], "ENTRYPOINT"))
    # The launcher's own command: the interpreter, then the same words.
    (_, *words), *_ = Supervisor.__init__.__defaults__
    assert started == ["python", *words]


def test_byte_code_is_made_at_build(stages):
    compiled = [rest for verb, rest in stages["build"] if verb == "RUN" and "compileall" in rest]
    assert compiled
    assert "--invalidation-mode unchecked-hash" in compiled[0]
    assert _environment(stages["final"])["PYTHONDONTWRITEBYTECODE"] == "1"


def test_what_is_written_goes_where_the_task_may_write(stages, production):
    (task,) = production.of_kind("AWS::ECS::TaskDefinition")
    (container,) = task.properties["ContainerDefinitions"]
    (scratch,) = container["LinuxParameters"]["Tmpfs"]
    assert _environment(stages["final"])["HOME"] == scratch["ContainerPath"]
    # Modules are looked for beside the process first: nothing may be put there at run time.
    assert not _one(stages["final"], "WORKDIR").startswith(scratch["ContainerPath"])


def test_the_context_holds_what_is_copied_and_little_else(stages):
    context = worker_image_context()
    copied = [
        rest.split()[0] for verb, rest in stages["build"] if verb == "COPY" and "--" not in rest
    ]
    assert copied
    for source in copied:
        assert (context / source).exists(), source
        assert (ROOT / source).exists(), source
    top = {path.relative_to(context).parts[:2] for path in context.rglob("*") if path.is_file()}
    assert top == {("containers", "browser_worker"), ("layers", "common")}
    assert not list(context.rglob("*.pyc"))


def test_a_build_by_hand_sees_the_same_files():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert {rule for rule in rules if rule.startswith("!")} == {
        "!containers/browser_worker",
        "!layers/common/python",
    }


@pytest.fixture(scope="module")
def image(stages, tmp_path_factory):
    """The files of the image below a folder: its COPY lines, done by hand."""
    root = tmp_path_factory.mktemp("image")
    context = worker_image_context()
    for verb, rest in stages["build"]:
        if verb == "COPY" and "--" not in rest:
            source, target = rest.split()
            place = root / target.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            if (context / source).is_dir():
                shutil.copytree(context / source, place)
            else:
                shutil.copyfile(context / source, place)
    return root


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """The locked packages of the worker, and no other, as links."""
    site = Path(next(path for path in sys.path if path.endswith("site-packages")))
    folder = tmp_path_factory.mktemp("packages")
    names = {
        name.replace("-", "_").lower()
        for name in re.findall(r"^([\w-]+)==", LOCK.read_text(), re.MULTILINE)
    }
    for info in site.glob("*.dist-info"):
        if info.name.partition("-")[0].lower() not in names:
            continue
        files = [line.partition(",")[0] for line in (info / "RECORD").read_text().splitlines()]
        for top in {file.partition("/")[0] for file in files} - {"..", "__pycache__", ""}:
            if not (folder / top).exists() and (site / top).exists():
                (folder / top).symlink_to(site / top)
    return folder


@pytest.fixture
def in_image(stages, image, packages, tmp_path):
    """Runs Python as the image would: its files, its packages, its environment."""
    environment = _environment(stages["final"])
    paths = [str(image / environment["PYTHONPATH"].lstrip("/")), str(packages)]

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-S", *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": os.pathsep.join(paths),
                "PYTHONDONTWRITEBYTECODE": "1",
                "HEARTBEAT_FILE": str(tmp_path / "heartbeat"),
            },
        )

    return run


def test_every_module_of_the_worker_imports_from_what_is_copied(in_image, image):
    modules = [
        f"browser_worker.{path.stem}"
        for path in sorted((image / "srv" / "browser_worker").glob("*.py"))
        if path.stem not in {"__init__", "__main__"}
    ]
    run = in_image("-c", f"import {', '.join(modules)}; print(browser_worker.__file__)")
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith(str(image))


def test_the_entry_point_starts_and_asks_for_its_settings(in_image):
    run = in_image("-m", "browser_worker")
    assert run.returncode == 1
    # It came as far as its settings: everything that it needs to start is there.
    assert "validation errors for WorkerSettings" in run.stderr, run.stderr


def test_the_health_check_runs_from_what_is_copied(in_image, tmp_path):
    assert in_image("-m", "browser_worker.health").returncode == 1
    (tmp_path / "heartbeat").touch()
    assert in_image("-m", "browser_worker.health").returncode == 0


def test_profiles_and_certificates_travel_along(image):
    assert list((image / "srv" / "browser_worker" / "profiles").glob("*.yaml"))
    assert (image / "srv" / "huntaze" / "database_ca.pem").is_file()
