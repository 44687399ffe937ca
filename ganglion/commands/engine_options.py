"""Where `distil`, `limit` and `sweep` run what they are made of."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..extras import require_extra

if TYPE_CHECKING:
    from ganglion.trainer.engines import Engine, Work


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

    @property
    def on_ray(self) -> bool:
        """Whether a cluster is asked for."""
        return self.ray or self.ray_address is not None

    def engine(self, work: Work, most: int | None = None, isolated: bool = False) -> Engine:
        """What runs `work`, at most `most` at a time; one at a time is run in this process unless `isolated`."""
        from ganglion.trainer.engines import HereEngine, LocalEngine, RayEngine

        if self.on_ray:
            return RayEngine(work, self.ray_address, None if self.ray_address else self.workers)
        workers = min(self.workers, most or self.workers)
        return HereEngine(work) if workers == 1 and not isolated else LocalEngine(workers, work)
