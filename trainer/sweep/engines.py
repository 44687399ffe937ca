"""Where runs are run: processes on this machine, or tasks on a Ray cluster."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
from typing import Protocol

from .plan import Run
from .worker import RunError, work

CRASH_RETRIES = 3
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class Engine(Protocol):
    """Runs runs, at most `slots` at a time."""

    slots: int

    def start(self, run: Run) -> None:
        """Begin; returns at once."""

    def wait(self, timeout_s: float) -> list[tuple[Run, str | None]]:
        """The runs that have ended since the last call, None or what went wrong; waits for one, but not for long."""

    def close(self) -> None:
        """Stop what still runs; checkpoints stay."""


class LocalEngine:
    """One process per run on this machine; one that is killed does not concern the others."""

    def __init__(self, workers: int) -> None:
        os.environ |= _ONE_THREAD
        self.slots = workers
        self._context = multiprocessing.get_context("spawn")
        self._running: dict[multiprocessing.connection.Connection, tuple[Run, multiprocessing.Process]] = {}

    def start(self, run: Run) -> None:
        """Begin in a new process."""
        here, there = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_work_and_tell, args=(run, there), name=run.name)
        process.start()
        there.close()
        self._running[here] = (run, process)

    def wait(self, timeout_s: float) -> list[tuple[Run, str | None]]:
        """Runs that have ended since the last call."""
        ended = []
        for connection in multiprocessing.connection.wait(list(self._running), timeout_s):
            run, process = self._running.pop(connection)
            ended.append((run, self._verdict(connection, process)))
        return ended

    def close(self) -> None:
        """Terminate all processes."""
        for _, process in self._running.values():
            process.terminate()
        for _, process in self._running.values():
            process.join()
        self._running.clear()

    @staticmethod
    def _verdict(connection: multiprocessing.connection.Connection, process: multiprocessing.Process) -> str | None:
        try:
            return connection.recv()
        except EOFError:
            process.join()
            return f"the process ended with exit code {process.exitcode} (a negative one is a signal: 9 is kill)"
        finally:
            connection.close()
            process.join()


def _work_and_tell(run: Run, connection: multiprocessing.connection.Connection) -> None:
    try:
        work(run)
    except RunError as error:
        connection.send(str(error))
    else:
        connection.send(None)


class RayEngine:
    """Tasks of one core each on a Ray cluster that sees the same folders (a shared file system) and has Ganglion.

    A worker that dies is replaced and its run goes on from its checkpoint, up to `CRASH_RETRIES` times.
    """

    def __init__(self, address: str | None = None, workers: int | None = None) -> None:
        import ray

        self._ray = ray
        one_thread = {"env_vars": _ONE_THREAD}
        if address is None:
            ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False, runtime_env=one_thread)
        else:
            ray.init(address, log_to_driver=False, runtime_env=one_thread)
        self.slots = workers or int(ray.cluster_resources()["CPU"])
        self._task = ray.remote(num_cpus=1, max_retries=CRASH_RETRIES)(work)
        self._running: dict = {}

    def start(self, run: Run) -> None:
        """Submit a task."""
        self._running[self._task.remote(run)] = run

    def wait(self, timeout_s: float) -> list[tuple[Run, str | None]]:
        """Tasks that have ended since the last call."""
        done, _ = self._ray.wait(list(self._running), num_returns=1, timeout=timeout_s)
        return [(self._running.pop(task), self._verdict(task)) for task in done]

    def close(self) -> None:
        """Cancel all tasks and leave the cluster."""
        for task in self._running:
            self._ray.cancel(task, force=True)
        self._running.clear()
        self._ray.shutdown()

    def _verdict(self, task) -> str | None:
        try:
            self._ray.get(task)
        except self._ray.exceptions.RayTaskError as error:
            return str(error.cause)
        except self._ray.exceptions.RayError as error:
            return f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
        return None
