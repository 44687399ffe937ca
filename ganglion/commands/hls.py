from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from rich.console import Console

from ganglion.codegen import arithmetic
from ganglion.codegen.policy import Policy
from ganglion.hil.observations import corner_observations
from ganglion.hil.recording import recorded_observations
from ganglion.hls.project.backend import Backend, BackendError, read_backend
from ganglion.hls.project.network import NetworkOptions
from ganglion.hls.project.project import Project, write_project
from ganglion.hls.project.synthesis import LOG, can_synthesise, instructions, synthesise_project

from ..errors import UsageError
from ..extras import require_extra
from ..options import ActorOptions, announce
from ..places import build_folder, c_identifier

Flat = tyro.conf.arg(name="")


@dataclass
class Hls:
    """Write the hls4ml project of an actor, and compare its C simulation with the oracle, bit for bit."""

    backend: str = "Vitis"
    """High-level synthesis tool: Vitis, Vivado, Quartus or Catapult."""
    which: Annotated[ActorOptions, Flat] = field(default_factory=ActorOptions)
    part: str | None = None
    """Part, in the tool's spelling; by default a Zynq-7020, an Arria 10 or a Kintex UltraScale."""
    clock_ns: float = 5.0
    """Clock period in nanoseconds."""
    reuse_factor: int = 1
    """Products that share a multiplier; hls4ml takes the nearest that divides the work."""
    strategy: str | None = None
    """latency, resource, resource_unrolled or distributed_arithmetic, as far as the tool has them."""
    observations: int = 5000
    """Observations to compare: recorded in the environment (a fifth), random, corners and ties."""
    synthesise: bool = True
    """Run the tool when it is on PATH."""
    force: bool = False
    """Overwrite a project that was edited by hand."""
    build: Path = Path("build")
    """Folder for all that is built."""

    def run(self) -> int:
        """Write, simulate, compare; synthesise where the tool is."""
        require_extra("hls", "hls4ml")
        backend = read_backend(self.backend)
        self._check(backend)
        choice = self.which.choose()
        announce(choice)
        policy, console = choice.actor.policy, Console()
        folder = build_folder(policy, backend.name.lower(), self.build)
        project = write_project(
            policy, backend, self._options(policy, backend), folder, self._codes(policy), self.force,
            lambda text: console.print(text, highlight=False, soft_wrap=True),
        )  # fmt: skip
        _tell(project, console, self.synthesise)
        return 0

    def _check(self, backend: Backend) -> None:
        if self.strategy not in (None, *backend.strategies):
            allowed = ", ".join(backend.strategies)
            raise BackendError(f"{backend.name} has no strategy {self.strategy!r}; allowed: {allowed}")
        if self.reuse_factor < 1 or self.clock_ns <= 0 or self.observations < 1:
            raise UsageError(
                f"--reuse-factor {self.reuse_factor} --clock-ns {self.clock_ns:g} --observations {self.observations}; "
                "all must be positive"
            )

    def _options(self, policy: Policy, backend: Backend) -> NetworkOptions:
        return NetworkOptions(
            name=f"ganglion_{c_identifier(policy.env_id)}",
            part=self.part or backend.part,
            clock_period_ns=self.clock_ns,
            reuse_factor=self.reuse_factor,
            strategy=self.strategy or backend.strategies[0],
        )

    def _codes(self, policy: Policy) -> np.ndarray:
        recorded = recorded_observations(policy, self.observations // 5)
        corners = corner_observations(policy, self.observations - len(recorded))
        maps = policy.observation
        return arithmetic.quantise(np.concatenate([recorded, corners]), maps.gain, maps.offset, maps.bits)[0]


def _tell(project: Project, console: Console, synthesise: bool) -> None:
    console.print(
        f"{project.folder}: C simulation equal to the oracle on {project.compared:,} observations", highlight=False,
        soft_wrap=True,
    )  # fmt: skip
    if not can_synthesise(project):
        console.print(instructions(project), highlight=False, soft_wrap=True)
    elif synthesise:
        console.print(f"{project.backend.tool} synthesises; its output: {project.folder / LOG}", soft_wrap=True)
        synthesise_project(project)
