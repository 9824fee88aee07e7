"""Run the providers: ``python -m local.identity_provider --port 18200``."""

import argparse

import uvicorn

from local.identity_provider.app import create_app


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="identity_provider", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", help="unused: everything ends with the process")
    arguments = parser.parse_args()
    uvicorn.run(
        create_app(f"http://{arguments.host}:{arguments.port}"),
        host=arguments.host,
        port=arguments.port,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
