"""What runs in one local cloud, how it does and what it takes."""

from rich.console import Console
from rich.table import Table

from local import aws, processes
from local.cloud import LocalCloud

_MEGABYTE = 1024 * 1024


def show(cloud: LocalCloud) -> bool:
    """Print a table of the processes; return whether all of them run and answer."""
    settings = cloud.settings
    worker = _pid(cloud, "worker")
    rows = [
        ("aws", settings.aws_port, _pid(cloud, "aws"), aws.is_healthy(settings)),
        ("postgres", settings.postgres_port, cloud.postgres.pid, cloud.postgres.answers()),
        (
            "fan platform",
            settings.fan_platform_port,
            _pid(cloud, "fan_platform"),
            aws.answers(settings.fan_platform_url),
        ),
        *(
            [("stripe stand-in", settings.stripe_port, _pid(cloud, "stripe"), aws.answers(url))]
            if (url := settings.stripe_url)
            else []
        ),
        (
            "identity provider",
            settings.identity_provider_port,
            _pid(cloud, "identity_provider"),
            aws.answers(settings.identity_provider_url),
        ),
        *(
            [
                (
                    "model provider",
                    settings.model_provider_port,
                    _pid(cloud, "model_provider"),
                    aws.answers(models),
                )
            ]
            if (models := settings.model_provider_url)
            else []
        ),
        ("supervisor", None, _pid(cloud, "supervisor"), None),
        ("browser worker", None, worker, None),
    ]
    table = Table(title=f"Local cloud in {settings.data_dir}", title_justify="left")
    for name in ("process", "port", "pid", "memory", "health"):
        table.add_column(name, justify="left" if name in {"process", "health"} else "right")
    total = 0
    all_well = True
    for name, port, pid, answers in rows:
        # The worker is the supervisor's child and has a row of its own.
        others = [worker] if name == "supervisor" and worker is not None else []
        own = 0 if pid is None else processes.memory_of_tree(pid, without=others)
        total += own
        well = pid is not None and answers is not False
        all_well = all_well and well
        health = "stopped" if pid is None else "up" if well else "does not answer"
        table.add_row(
            *(name, "" if port is None else str(port), "" if pid is None else str(pid)),
            *(f"{own / _MEGABYTE:.0f} MB" if own else "", health),
        )
    table.add_section()
    table.add_row("together", "", "", f"{total / _MEGABYTE:.0f} MB", "")
    Console().print(table)
    return all_well


def _pid(cloud: LocalCloud, name: str) -> int | None:
    record = cloud.record(name)
    return None if record is None else record.pid
