from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

from ganglion.codegen.compile import CompileOptions
from ganglion.codegen.policy import Policy

from ..building import Built, build_firmware, build_for_host
from ..devices import corner_count, cycle_model_range, device_kind, open_device, spoil_line
from ..errors import UsageError
from ..logic import BuiltLogic, build_logic
from ..measure import measure
from ..options import (
    BoardLoopOptions,
    DesignOptions,
    Flat,
    LineOptions,
    LogicOptions,
    announce,
    given,
)

_CHOOSING = ("kernel", "optimize", "max_cycles", "max_flash", "max_ram", "flash_model")


@dataclass
class Run(BoardLoopOptions):
    """Run an actor in closed loop on a device, and compare every action with the oracle."""

    device: str = "native"
    """Where to run: native, emulator, qemu, rtl (simulated logic) or serial:PORT."""
    logic: Annotated[DesignOptions, Flat] = field(default_factory=DesignOptions)
    trace: Path | None = None
    """Write the waveforms of simulated logic to this VCD file; it grows with every clock."""
    line: Annotated[LineOptions, Flat] = field(default_factory=LineOptions)

    def run(self) -> int:
        """Build for the device, measure, write report-<device>.json beside the build."""
        self.loop.check()
        kind, flash_model = device_kind(self.device), self.how.flash_model
        self.how.check_flash(kind)
        self._refuse_unused(kind)
        if self.trace and kind != "rtl":
            raise UsageError(f"--trace {self.trace} is for simulated logic (--device rtl); {kind} has no waveforms")
        choice = self.which.choose()
        announce(choice)
        built = self._build(kind, choice.actor.policy)
        device, path = open_device(self.device, built, flash_model), built.folder / f"report-{kind}.json"
        if self.line.fault_rate:
            spoil_line(device, self.device, self.line.fault_rate, self.line.fault_seed)
        models = cycle_model_range(self.device, built, flash_model)
        corners = self.loop.corners or corner_count(self.device)
        loop = (self.loop.episodes, self.loop.first_seed)
        return int(not measure(choice.actor, device, built.facts, *loop, path, models, corners))

    def _build(self, kind: str, policy: Policy) -> Built | BuiltLogic:
        if kind == "native":
            if self.how.kernel not in (None, CompileOptions.kernel):
                raise UsageError(f"--kernel {self.how.kernel} is for boards; the host runs {CompileOptions.kernel}")
            if self.how.goal:
                raise UsageError("--optimize and limits are for boards; the host's cycles are not modelled")
            return build_for_host(policy, self.how.build)
        if kind == "rtl":
            return replace(build_logic(policy, self.how.board, self._logic(), self.how.build), trace=self.trace)
        return build_firmware(policy, self.how, self.guard)

    def _refuse_unused(self, kind: str) -> None:
        """UsageError for options that the device of `kind` would not heed."""
        logic, guards = given(self.logic), given(self.guard)
        unused = {
            "native": [*given(self.how, "build", "mix", *_CHOOSING), *guards, *logic],
            "rtl": [*given(self.how, "build", "board", *_CHOOSING), *guards],
        }.get(kind, logic)
        if kind == "rtl" and self.how.kernel:
            unused.append("--kernel")
        if unused:
            what = "the logic of FPGAs" if unused == logic else "images of boards"
            other = "rtl" if unused == logic else "emulator, qemu or serial:PORT"
            raise UsageError(
                f"{', '.join(unused)}: for {what}, nothing to the device {kind}; leave out or use --device {other}"
            )

    def _logic(self) -> LogicOptions:
        if self.how.optimize == "balanced" or self.how.limits():
            raise UsageError(
                "limits (--max-cycles, --max-flash, --max-ram) and --optimize balanced are for firmware; logic takes "
                "--optimize cycles, the design of the fewest clocks, or flash, the smallest"
            )
        if self.logic.clock_mhz == "auto":
            raise UsageError(
                "--clock-mhz auto needs place and route (ganglion bitstream); simulated logic takes a number"
            )
        goal = "latency" if self.how.optimize == "cycles" else "area"
        return LogicOptions(**vars(self.logic), optimize=goal)
