"""A worker process of this machine: one thread, a Dask worker, which ends with the process that started it.

Run as `python -m ikun_validate.sweeps.worker ADDRESS`: nothing of the user's own script is imported again, so that it needs no
`if __name__ == "__main__":`. Standard input is a pipe that the client holds open: when the client is gone, however it went, the
pipe ends.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading

from dask import config
from distributed import Worker


def _end_with_client() -> None:
    while sys.stdin.buffer.read(4096):
        pass
    os._exit(1)


async def serve(address: str) -> None:
    worker = await Worker(address, nthreads=1, memory_limit=0, dashboard=False, death_timeout=60)
    await worker.finished()


def main() -> None:
    threading.Thread(target=_end_with_client, daemon=True).start()
    logging.disable(logging.CRITICAL)  # the client tells what is worth telling
    with config.set({"distributed.admin.low-level-log-length": 100}):
        asyncio.run(serve(sys.argv[1]))


if __name__ == "__main__":
    main()
