"""A worker in a process of its own: start it, see it struck, let it go on, end it."""

import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from local import processes


class NotStruckError(Exception):
    """The worker never came to the step at which it was to be struck."""


class WorkerProcess:
    """One life of one worker.

    Args:
        module: Its entry point.
        environment: Its whole environment.
        log_path: Where its output goes.
    """

    def __init__(self, module: str, environment: Mapping[str, str], log_path: Path) -> None:
        self._process: subprocess.Popen[bytes] = processes.start_apart(
            [sys.executable, "-m", module],
            log_path=log_path,
            env=environment,
            cwd=log_path.parent,
        )
        self._log_path = log_path

    @property
    def is_running(self) -> bool:
        """Whether it has not ended; a stopped one has not."""
        return self._process.poll() is None

    def await_death(self, seconds: float = 40) -> None:
        """Wait until the strike has killed it; what it leaves behind ends with its container.

        Raises:
            NotStruckError: It still runs, or ended otherwise.
        """
        processes.wait_until(lambda: not self.is_running, seconds)
        if self._process.poll() != -signal.SIGKILL:
            raise NotStruckError(self._story())
        processes.end_tree(self._process.pid)

    def await_stop(self, seconds: float = 40) -> None:
        """Wait until the strike has stopped it.

        Raises:
            NotStruckError: It did not.
        """
        if not processes.wait_until(self._is_stopped, seconds):
            raise NotStruckError(self._story())

    def await_end(self, seconds: float) -> None:
        """Wait until it has ended of its own accord.

        Raises:
            TimeoutError: It still runs.
        """
        if not processes.wait_until(lambda: not self.is_running, seconds):
            raise TimeoutError(f"worker {self._process.pid} still runs after {seconds:g} s")
        processes.end_tree(self._process.pid)

    def ask_to_go(self) -> None:
        """Tell it to finish what it has in hand and go."""
        self._process.terminate()

    def stop(self) -> None:
        """Stop it now, and not its browser."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on, and its browser if that was stopped too."""
        for member in self._members():
            with suppress(psutil.NoSuchProcess):
                member.send_signal(signal.SIGCONT)

    def kill(self, *, with_browser: bool) -> None:
        """Kill it now."""
        for member in self._members() if with_browser else []:
            # The browser's own processes come and go.
            with suppress(psutil.NoSuchProcess):
                member.kill()
        self._process.kill()
        self._process.wait()
        processes.end_tree(self._process.pid)

    def kill_browser(self) -> None:
        """Kill the browser under it."""
        for member in self._members():
            # The driver is no browser; without its main process the browser's others end, too.
            with suppress(psutil.NoSuchProcess):
                if "chrom" in member.name() and "--type=" not in " ".join(member.cmdline()):
                    member.kill()

    def end(self) -> None:
        """Make sure that nothing of it is left."""
        if self.is_running:
            self.kill(with_browser=True)

    def _members(self) -> list[psutil.Process]:
        try:
            worker = psutil.Process(self._process.pid)
            return [*worker.children(recursive=True), worker]
        except psutil.NoSuchProcess:
            return []

    def _is_stopped(self) -> bool:
        try:
            return bool(psutil.Process(self._process.pid).status() == psutil.STATUS_STOPPED)
        except psutil.NoSuchProcess:
            return False

    def _story(self) -> str:
        words = [line[:200] for line in processes.last_lines(self._log_path, 5).splitlines()]
        state = "runs" if self.is_running else f"ended with {self._process.returncode}"
        return f"the worker {state} and was not struck; its last words: {' / '.join(words)}"
