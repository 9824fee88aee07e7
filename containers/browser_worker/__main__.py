"""``python -m browser_worker``: the entry point of the task and of the local launcher."""

import asyncio

from browser_worker.process import run

asyncio.run(run())
