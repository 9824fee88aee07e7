"""Run the stand-in: ``python -m local.stripe_stand_in --port 18200 --data DIR``."""

import argparse
from pathlib import Path

import uvicorn

from local.stripe_stand_in.app import create_app


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="stripe_stand_in", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder of the state")
    arguments = parser.parse_args()
    uvicorn.run(
        create_app(arguments.data, f"http://{arguments.host}:{arguments.port}"),
        host=arguments.host,
        port=arguments.port,
        log_level="warning",
        # Deliveries that wait for their next try must not hold up the end.
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
