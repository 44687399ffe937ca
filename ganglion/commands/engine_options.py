"""Where `distil`, `limit` and `sweep` run what they are made of."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..extras import require_extra

if TYPE_CHECKING:
    from ganglion.trainer.engines import Engine, Work

_ANSWER_S = 5.0


@dataclass
class EngineOptions:
    """How many at a time, and where."""

    workers: int = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    """Trainings at a time on this machine, one core each."""
    ray: bool = False
    """Run on a Ray cluster whose machines see the same --out folder; without --ray-address a local one is started."""
    ray_address: str | None = None
    """Address of the Ray cluster, such as auto or ray://host:10001."""

    def check(self) -> None:
        """UsageError, or ExtraError, where that cannot be."""
        if self.workers < 1:
            raise UsageError(f"--workers {self.workers}; at least 1 is needed")
        if self.on_ray:
            require_extra("sweep", "ray")
        if self.ray_address is not None:
            _check_answers(self.ray_address)

    @property
    def on_ray(self) -> bool:
        """Whether a cluster is asked for."""
        return self.ray or self.ray_address is not None

    def engine(self, work: Work, most: int | None = None, isolated: bool = False) -> Engine:
        """What runs `work`, at most `most` at a time; one at a time is run in this process unless `isolated`."""
        from ganglion.trainer.engines import HereEngine, LocalEngine, RayEngine

        if self.on_ray:
            try:
                return RayEngine(work, self.ray_address, None if self.ray_address else self.workers)
            except ConnectionError as error:
                raise UsageError(f"{_found_nothing(self.ray_address)} ({error})") from error
        workers = min(self.workers, most or self.workers)
        return HereEngine(work) if workers == 1 and not isolated else LocalEngine(workers, work)


def _check_answers(address: str) -> None:
    """UsageError where nothing listens at `host:port`, which Ray itself would try for minutes."""
    if address == "auto":
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=_ANSWER_S).close()
    except (OSError, OverflowError, ValueError) as error:
        raise UsageError(f"{_found_nothing(address)} ({error})") from error


def _found_nothing(address: str | None) -> str:
    return (
        f"--ray-address {address}: no Ray cluster answers there; give auto on one of its machines, or "
        "ray://host:10001, or --ray alone for this machine"
    )
