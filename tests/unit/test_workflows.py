"""The workflows: pinned, with few permissions, and nothing leaves main unasked."""

import re
from pathlib import Path

import pytest
import yaml

from stacks.settings import Stage

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".github" / "workflows"
PINNED = re.compile(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
TOKEN = {"contents": "read", "id-token": "write"}


@pytest.fixture(scope="module")
def workflows():
    """Each workflow; YAML reads the key `on` as true."""
    found = {path.stem: yaml.safe_load(path.read_text()) for path in FOLDER.glob("*.yml")}
    assert set(found) == {"check", "compare", "deploy", "security"}
    return found


@pytest.fixture(scope="module")
def jobs(workflows):
    """Each job by its workflow and name."""
    return {
        (workflow, name): job
        for workflow, content in workflows.items()
        for name, job in content["jobs"].items()
    }


@pytest.fixture(scope="module")
def commands(jobs):
    """The lines that jobs run."""
    return [
        (place, step["run"])
        for place, job in jobs.items()
        for step in job.get("steps", [])
        if "run" in step
    ]


def test_every_action_is_pinned_by_its_commit():
    for path in FOLDER.glob("*.yml"):
        for line in path.read_text().splitlines():
            if "uses:" in line and "uses: ./" not in line:
                assert PINNED.search(line), f"{path.name}: {line.strip()}"


def test_an_action_has_one_pin():
    pins = {}
    for path in FOLDER.glob("*.yml"):
        for name, commit in re.findall(r"uses: ([\w-]+/[\w-]+)@(\S+)", path.read_text()):
            pins.setdefault(name, set()).add(commit)
    assert all(len(commits) == 1 for commits in pins.values()), pins


def test_a_workflow_reads_the_repository_and_no_more(workflows):
    for name, workflow in workflows.items():
        assert workflow["permissions"] == {"contents": "read"}, name


def test_only_a_job_that_takes_a_role_gets_a_token(jobs):
    for place, job in jobs.items():
        takes_role = "configure-aws-credentials" in str(job.get("steps"))
        assert job.get("permissions") == (TOKEN if takes_role else None), place


def test_no_workflow_runs_strangers_code_with_our_rights(workflows):
    for name, workflow in workflows.items():
        triggers = set(workflow[True])
        assert triggers <= {"pull_request", "push", "schedule", "workflow_call"}, name


def test_nothing_that_a_stranger_writes_becomes_a_command(commands):
    for place, command in commands:
        assert "${{" not in command, place


def test_the_repository_is_checked_out_without_its_key(jobs):
    for place, job in jobs.items():
        for step in job.get("steps", []):
            if "actions/checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False, place


def test_every_job_ends(jobs):
    for place, job in jobs.items():
        assert "timeout-minutes" in job or "uses" in job, place


def test_what_jobs_call_is_in_the_makefile(commands):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    called = {target for _, command in commands for target in re.findall(r"make (\w+)", command)}
    assert called == {"check", "test", "synth", "diff", "deploy"}
    assert called <= targets


def test_a_deployment_waits_for_the_checks_and_its_environment(workflows, jobs):
    assert workflows["deploy"][True] == {"push": {"branches": ["main"]}}
    deploying = {
        place: job
        for place, job in jobs.items()
        if any("make deploy" in step.get("run", "") for step in job.get("steps", []))
    }
    assert {place[0] for place in deploying} == {"deploy"}
    assert {job["environment"] for job in deploying.values()} == {
        Stage.DEV.value,
        Stage.PRODUCTION.value,
    }
    for (_, name), job in deploying.items():
        runs = [step["run"] for step in job["steps"] if "run" in step]
        assert all(f"STAGE={name}" in run for run in runs)
        assert job["environment"] == name
        assert "actions/cache" not in str(job["steps"])
    assert jobs["deploy", "dev"]["needs"] == "check"
    assert jobs["deploy", "check"]["uses"] == "./.github/workflows/check.yml"
    assert jobs["deploy", "production"]["needs"] == "dev"
    assert workflows["deploy"]["concurrency"]["cancel-in-progress"] is False


def test_no_token_reaches_a_fork(jobs):
    condition = jobs["compare", "dev"]["if"]
    assert "head.repo.full_name == github.repository" in condition
    assert "vars.DEPLOY_ROLE_ARN" not in str(jobs["compare", "dev"])


def test_every_lock_is_audited(jobs):
    (command,) = [
        step["run"] for step in jobs["security", "python-packages"]["steps"] if "run" in step
    ]
    assert "git ls-files '*requirements.txt'" in command
    assert "pip-audit==" in command


def test_updates_are_proposed_for_each_kind_of_pin():
    content = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())
    kinds = {update["package-ecosystem"] for update in content["updates"]}
    assert kinds == {"pip", "github-actions", "docker"}
