"""Run the stand-in: ``python -m local.model_provider --port 4569``."""

import argparse
from pathlib import Path

import uvicorn

from local.model_provider.app import create_app


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="model_provider", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, help="unused: everything is in memory")
    parser.add_argument("--seed", type=int, default=1, help="other seeds, other answers")
    arguments = parser.parse_args()
    uvicorn.run(
        create_app(seed=arguments.seed),
        host=arguments.host,
        port=arguments.port,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
