"""Run the platform: ``python -m local.fan_platform --port 18100 --data DIR``."""

import argparse
from datetime import timedelta
from pathlib import Path

import uvicorn

from local.fan_platform.app import create_app


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="fan_platform", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder of the truth")
    parser.add_argument("--session-hours", type=float, default=24, help="how long a login lasts")
    arguments = parser.parse_args()
    uvicorn.run(
        create_app(arguments.data, session_lasts=timedelta(hours=arguments.session_hours)),
        host=arguments.host,
        port=arguments.port,
        log_level="warning",
        # Answers that a fault holds back for ever must not hold up the end.
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
