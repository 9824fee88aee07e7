"""The cloud on one machine: ``python -m local run | stop | status | logs | reset``.

``make`` brings the tools first and then calls this; see ``make help`` for the settings.
"""

import argparse
import json
import subprocess
import sys
import time

from local import endpoints, logs, status, worker
from local.cloud import LocalCloud, say
from local.processes import LocalCloudError
from local.settings import ROOT, LocalSettings


def main() -> int:
    """Do what the command line says; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="start or update the local cloud, then run the demo")
    run.add_argument("--no-demo", action="store_true", help="leave the demo out")
    commands.add_parser("stop", help="end every process")
    commands.add_parser("status", help="show the processes, their ports, memory and health")
    commands.add_parser("logs", help="follow all log files")
    commands.add_parser("reset", help="end every process and delete the data folder")
    commands.add_parser("supervise", help="keep the browser worker running (`run` starts this)")
    arguments = parser.parse_args()
    try:
        settings = LocalSettings.from_environment()
        match arguments.command:
            case "run":
                return run_cloud(settings, with_demo=not arguments.no_demo)
            case "stop":
                LocalCloud(settings).stop()
            case "status":
                return 0 if status.show(LocalCloud(settings)) else 1
            case "logs":
                logs.follow(settings)
            case "reset":
                LocalCloud(settings).reset()
            case "supervise":
                supervise(settings)
    except LocalCloudError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def run_cloud(settings: LocalSettings, *, with_demo: bool) -> int:
    """Bring the local cloud up and run the demo on it; return the demo's exit code."""
    started = time.monotonic()
    LocalCloud(settings).start()
    found = endpoints.read(settings.data_dir)
    say(f"The local cloud is up after {time.monotonic() - started:.0f} s.")
    say(f"API          {found['api_url']}")
    say(f"API docs     {found['docs_url']}")
    say(f"fan platform {found['fan_platform_url']}")
    say(f"Stripe       {found['stripe_url'] or 'itself, with the key of STRIPE_API_KEY'}")
    say(f"endpoints    {endpoints.path_in(settings.data_dir)}")
    if not with_demo:
        return 0
    demos = ["local.demo"] if found["stripe_url"] is None else ["local.demo", "local.demo_billing"]
    for demo in demos:
        done = subprocess.run([sys.executable, "-m", demo], cwd=ROOT, check=False)
        if done.returncode:
            return done.returncode
    return 0


def supervise(settings: LocalSettings) -> None:
    """Keep the browser worker of a deployed cloud running until SIGTERM."""
    deployment = LocalCloud(settings).deployment
    worker.supervise(
        settings,
        role_arn=deployment.output("WorkerTaskRoleArn"),
        environment=json.loads(deployment.output("WorkerEnvironment")),
    )


if __name__ == "__main__":
    sys.exit(main())
