"""Importing a file through the public API, large ones by upload: ``python -m local.imports``."""

import argparse
import base64
import sys
import time
from pathlib import Path
from typing import Any

from local import endpoints
from local.api_client import ApiClient, ApiError
from local.processes import LocalCloudError
from local.settings import LocalSettings

# Base64 makes four bytes of three, and Lambda takes six megabytes.
INLINE_BYTES = 4_000_000
_POLL_SECONDS = 0.5


def import_file(api: ApiClient, kind: str, creator_id: str, path: Path) -> dict[str, Any]:
    """Import a file of ``fans`` or ``transactions`` and wait for the end; return the report.

    Raises:
        LocalCloudError: The file cannot be read, or the import failed.
    """
    route = f"/api/crm/{kind}/import"
    try:
        if path.stat().st_size <= INLINE_BYTES:
            content = base64.b64encode(path.read_bytes()).decode()
            report: dict[str, Any] = api.post(
                route, {"creator_id": creator_id, "content_base64": content}
            )
            return report
        ticket = api.post("/api/crm/fans/imports/uploads", {"creator_id": creator_id})
        api.upload(ticket, path)
    except OSError as error:
        raise LocalCloudError(f"{path} cannot be read: {error.strerror}.") from None
    report = api.post(route, {"upload_id": ticket["upload_id"]})
    while report["status"] == "running":
        time.sleep(_POLL_SECONDS)
        report = api.get(f"/api/crm/fans/imports/{report['id']}")
    if report["status"] != "completed":
        raise LocalCloudError(f"The import is {report['status']}: {report['failure']}")
    return report


def main() -> int:
    """Import a file for a new creator of a workspace of its own, and print the rate."""
    parser = argparse.ArgumentParser(prog="python -m local.imports", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--kind", choices=("fans", "transactions"), default="fans")
    arguments = parser.parse_args()
    found = endpoints.read(LocalSettings.from_environment().data_dir)
    if not found.get("api_url"):
        print("The local cloud is not up: `make run` first.", file=sys.stderr)
        return 1
    api = ApiClient(found["api_url"])
    try:
        return _import_and_tell(api, arguments.kind, arguments.file)
    except (LocalCloudError, ApiError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    finally:
        api.close()


def _import_and_tell(api: ApiClient, kind: str, path: Path) -> int:
    name = f"import-{int(time.time() * 1000):x}"
    account = api.post(
        "/api/auth/register",
        {
            "email": f"{name}@huntaze.test",
            "password": f"{name} is only for this machine",
            "name": "Import",
            "workspace_name": "Import",
        },
    )
    api.log_in_with(account["access_token"])
    creator = api.post(
        "/api/management/creators",
        {"platform": "fan_platform", "handle": name, "display_name": "Import"},
    )
    started = time.monotonic()
    report = import_file(api, kind, creator["id"], path)
    seconds = time.monotonic() - started
    megabytes = path.stat().st_size / 1e6
    print(
        f"{report['rows_read']:,} rows ({megabytes:.0f} MB) in {seconds:.1f} s, upload included:"
        f" {report['rows_read'] / seconds:,.0f} a second; {report['rows_created']:,} new,"
        f" {report['rows_updated']:,} updated, {report['rows_rejected']:,} rejected"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
