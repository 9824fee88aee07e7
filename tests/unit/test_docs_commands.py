"""What README and docs tell people to type and to follow: it is there, and its flags are right."""

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest
from botocore import xform_name
from botocore.exceptions import UnknownServiceError
from botocore.session import Session

from operations import restore

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# Of the CLI itself, not of an operation.
GLOBAL_FLAGS = {"query", "output", "region", "profile", "cli-binary-format", "recursive"}
PLACEHOLDERS = {"STAGE": "dev", "MOMENT": "2026-01-01T08:00:00Z"}

session = Session()


def text_of(page: Path) -> str:
    # A command may go on in the next line.
    return re.sub(r"\\\n\s*", "", page.read_text())


def commands(beginning: str) -> list[tuple[str, str]]:
    """Everything in code that begins so, up to the end of the code or to the next command."""
    found = []
    for page in PAGES:
        text = text_of(page)
        blocks = re.findall(r"```[a-z]*\n(.*?)```", text, re.DOTALL)
        running = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        # A span in running text may be broken over two lines.
        spans = [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", running)]
        for line in [line.strip() for block in blocks for line in block.splitlines()] + spans:
            match = re.search(rf"(?:^|\$\(){beginning}.*", line)
            found += [(page.name, match[0].removeprefix("$("))] if match else []
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" not in target and not target.startswith("#"):
            assert (page.parent / target.partition("#")[0]).exists(), target


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    # A word of running text, not a command: “make check” is one, “make sure” is not.
    named = {
        name
        for page in PAGES
        for name in re.findall(r"(?:`|^\s*)make ([a-z]+)", page.read_text(), re.MULTILINE)
    }
    assert {"run", "test", "deploy", "costs"} <= named
    assert named <= targets


def test_every_module_that_is_run_exists() -> None:
    named = {
        name
        for page in PAGES
        for name in re.findall(r"python3? -m ([a-z_.]+[a-z])", page.read_text())
    }
    assert {"operations.restore", "operations.costs", "chaos", "bench"} <= named
    assert {name for name in named if find_spec(name) is None} == set()


def test_the_restore_commands_are_understood() -> None:
    lines = commands(r"python -m operations\.restore ")
    assert len(lines) >= 3
    for page, line in lines:
        words = [PLACEHOLDERS.get(word, word) for word in shlex.split(line)]
        assert restore._parser().parse_args(words[3:]).stage == "dev", (page, line)


def aws_problem(line: str) -> str | None:
    """What the CLI would object to: service, operation or flag."""
    line = re.sub(r"[|>)].*$", "", re.sub(r"'[^']*'|\"[^\"]*\"", "x", line))
    words = line.split()
    service, operation = words[1], words[2]
    flags = {word[2:] for word in words if word.startswith("--")} - GLOBAL_FLAGS
    if service == "s3":
        return None if operation in ("rm", "cp", "ls", "sync") and not flags else "s3"
    try:
        model = session.get_service_model("s3" if service == "s3api" else service)
    except UnknownServiceError:
        return f"no service {service}"
    if operation == "wait":
        waiters = session.get_waiter_model(service)
        names = {xform_name(name, "-"): waiters.get_waiter(name) for name in waiters.waiter_names}
        if words[3] not in names:
            return f"no waiter {words[3]}"
        operation = xform_name(names[words[3]].operation, "-")
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    if operation not in operations:
        return f"no operation {operation}"
    shape = model.operation_model(operations[operation]).input_shape
    known = {xform_name(name, "-") for name in shape.members} if shape else set()
    known |= {f"no-{name}" for name in known}
    unknown = sorted(flags - known)
    return f"no flag {', '.join(unknown)}" if unknown else None


def test_every_aws_command_is_one_of_the_cli() -> None:
    lines = commands("aws ")
    assert len(lines) > 20
    problems = [(page, line, problem) for page, line in lines if (problem := aws_problem(line))]
    assert problems == []


@pytest.mark.parametrize(
    "line",
    [
        "aws rds restore-db-instance --x y",
        "aws rds wait db-instance-there",
        "aws rds modify-db-instance --new-name x",
        "aws elephants list",
    ],
)
def test_a_wrong_aws_command_is_noticed(line: str) -> None:
    assert aws_problem(line)
