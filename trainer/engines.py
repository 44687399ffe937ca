"""Where tasks are run: in this process, in processes on this machine, or on a Ray cluster. What they give lies on disk,
so that a task is done again, or gone on with, wherever it ended too early."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

CRASH_RETRIES = 3
_LOOK_EVERY_S = 1.0
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class Task(Protocol):
    """What is run: picklable, with a name for people."""

    @property
    def name(self) -> str:
        """How messages call it."""


class TaskError(RuntimeError):
    """A task that failed; the message alone, so that it crosses processes and machines."""


Work = Callable[[Task], None]  # a function of a module; raises TaskError


class Engine(Protocol):
    """Runs tasks, at most `slots` at a time."""

    slots: int

    def start(self, task: Task) -> None:
        """Begin."""

    def wait(self, timeout_s: float) -> list[tuple[Task, str | None]]:
        """The tasks that have ended since the last call, None or what went wrong; waits for one, but not for long."""

    def close(self) -> None:
        """Stop what still runs; what lies on disk stays."""


def run_all(tasks: Sequence[Task], engine: Engine, look: Callable[[], None] = lambda: None) -> dict[str, str]:
    """Run `tasks`, calling `look` about every second, and close the engine; by name, what went wrong with which."""
    waiting, running, failed = list(tasks), 0, {}
    try:
        while waiting or running:
            while waiting and running < engine.slots:
                engine.start(waiting.pop(0))
                running += 1
            for task, error in engine.wait(_LOOK_EVERY_S):
                running -= 1
                if error is not None:
                    failed[task.name] = error
            look()
    finally:
        engine.close()
    return failed


class HereEngine:
    """One task at a time in this process."""

    def __init__(self, work: Work) -> None:
        self.slots, self._work = 1, work
        self._ended: list[tuple[Task, str | None]] = []

    def start(self, task: Task) -> None:
        """Run to the end."""
        try:
            self._work(task)
        except TaskError as error:
            self._ended.append((task, str(error)))
        else:
            self._ended.append((task, None))

    def wait(self, timeout_s: float) -> list[tuple[Task, str | None]]:
        """The task that was started last."""
        ended, self._ended = self._ended, []
        return ended

    def close(self) -> None:
        """Nothing runs."""


class LocalEngine:
    """One process per task on this machine; one that is killed does not concern the others. They end with this one,
    even when that is killed."""

    def __init__(self, workers: int, work: Work) -> None:
        os.environ |= _ONE_THREAD
        self.slots, self._work = workers, work
        self._context = multiprocessing.get_context("spawn")
        self._running: dict[multiprocessing.connection.Connection, tuple[Task, multiprocessing.Process]] = {}

    def start(self, task: Task) -> None:
        """Begin in a new process."""
        here, there = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_work_and_tell, args=(self._work, task, there), name=task.name)
        process.start()
        there.close()
        self._running[here] = (task, process)

    def wait(self, timeout_s: float) -> list[tuple[Task, str | None]]:
        """Tasks that have ended since the last call."""
        ended = []
        for connection in multiprocessing.connection.wait(list(self._running), timeout_s):
            task, process = self._running.pop(connection)
            ended.append((task, self._verdict(connection, process)))
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


def _work_and_tell(work: Work, task: Task, connection: multiprocessing.connection.Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
    threading.Thread(target=_end_with, args=(multiprocessing.parent_process(),), daemon=True).start()
    try:
        work(task)
    except TaskError as error:
        connection.send(str(error))
    else:
        connection.send(None)


def _end_with(parent) -> None:
    parent.join()
    os._exit(1)


class RayEngine:
    """Tasks of one core each on a Ray cluster that sees the same folders (a shared file system) and has Ganglion.

    A worker that dies is replaced and its task goes on from what lies on disk, up to `CRASH_RETRIES` times.
    """

    def __init__(self, work: Work, address: str | None = None, workers: int | None = None) -> None:
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

    def start(self, task: Task) -> None:
        """Submit."""
        self._running[self._task.remote(task)] = task

    def wait(self, timeout_s: float) -> list[tuple[Task, str | None]]:
        """Tasks that have ended since the last call."""
        done, _ = self._ray.wait(list(self._running), num_returns=1, timeout=timeout_s)
        return [(self._running.pop(reference), self._verdict(reference)) for reference in done]

    def close(self) -> None:
        """Cancel all tasks and leave the cluster."""
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        self._running.clear()
        self._ray.shutdown()

    def _verdict(self, reference) -> str | None:
        try:
            self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            return str(error.cause)
        except self._ray.exceptions.RayError as error:
            return f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
        return None
