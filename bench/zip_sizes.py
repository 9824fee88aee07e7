"""Zip of each function: its own feature only, at most 200 KB.

python -m bench.zip_sizes
"""

import argparse
import sys
import zipfile
from pathlib import Path

from stacks import build

ROOT = Path(__file__).resolve().parents[1]
LIMIT_BYTES = 200_000


def main() -> int:
    """Build every feature's zip and weigh it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--long", action="store_true", help="the same; there is no longer form")
    options.parse_args()
    print(f"zip_sizes: at most {LIMIT_BYTES:,} bytes each")
    holds = True
    for folder in sorted((ROOT / "functions").iterdir()):
        if not (folder / "__init__.py").exists():
            continue
        path = build.feature_asset(folder.name).path
        size = path.stat().st_size
        with zipfile.ZipFile(path) as archive:
            strangers = [
                name
                for name in archive.namelist()
                if not name.startswith((f"functions/{folder.name}/", "functions/__"))
            ]
        holds = holds and size <= LIMIT_BYTES and not strangers
        print(
            f"  {folder.name:16} {size:9,} bytes {'holds ' + str(strangers) if strangers else ''}"
        )
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
