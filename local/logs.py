"""Follows every log of one local cloud: the processes' files and what the functions print."""

import subprocess
import time

from botocore.client import BaseClient
from botocore.exceptions import BotoCoreError, ClientError

from local import aws
from local.processes import LocalCloudError
from local.settings import LocalSettings

_LINES_BEFORE = "20"
_EVERY_SECONDS = 1.0
# Lambda's own lines of every call, which say nothing here.
_OF_EVERY_CALL = ("START ", "END ", "REPORT ", "INIT_START ")


def follow(settings: LocalSettings) -> None:
    """Print what is written to any log from now on, until interrupted.

    Raises:
        LocalCloudError: There are no logs.
    """
    files = sorted(str(path) for path in settings.log_dir.glob("*.log"))
    if not files:
        raise LocalCloudError(f"There are no logs in {settings.log_dir}: `make run` first.")
    tail = subprocess.Popen(["tail", "-n", _LINES_BEFORE, "-F", *files])
    try:
        _follow_functions(aws.logs_client(settings))
    finally:
        tail.terminate()
        tail.wait()


def _follow_functions(client: BaseClient) -> None:
    since = _now()
    while True:
        time.sleep(_EVERY_SECONDS)
        until = _now()
        try:
            _print_events(client, since, until)
        except (BotoCoreError, ClientError):
            # The cloud is stopped or busy; its files say so.
            continue
        since = until


def _print_events(client: BaseClient, since: int, until: int) -> None:
    names = [
        group["logGroupName"]
        for page in client.get_paginator("describe_log_groups").paginate()
        for group in page["logGroups"]
    ]
    events = client.get_paginator("filter_log_events")
    for name in names:
        for page in events.paginate(logGroupName=name, startTime=since, endTime=until - 1):
            for event in page["events"]:
                line = event["message"].rstrip()
                if not line.startswith(_OF_EVERY_CALL):
                    print(f"[{name.rsplit('/', 1)[-1]}] {line}", flush=True)


def _now() -> int:
    return int(time.time() * 1000)
