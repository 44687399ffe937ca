from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import tyro

from ..building import build_firmware
from ..devices import cycle_model_range, device_kind, open_device
from ..errors import UsageError
from ..measure import measure
from ..options import ActorOptions, BuildOptions, EmulatorOptions, LoopOptions, SafetyOptions, announce
from ..places import point_latest

Flat = tyro.conf.arg(name="")


@dataclass
class Firmware:
    """Build a flashable image from an actor, run that very image in closed loop, and report."""

    device: str = "emulator"
    """Where the image runs: emulator, qemu or serial:PORT."""
    which: Annotated[ActorOptions, Flat] = field(default_factory=ActorOptions)
    how: Annotated[BuildOptions, Flat] = field(default_factory=BuildOptions)
    guard: Annotated[SafetyOptions, Flat] = field(default_factory=SafetyOptions)
    emulator: Annotated[EmulatorOptions, Flat] = field(default_factory=EmulatorOptions)
    loop: Annotated[LoopOptions, Flat] = field(default_factory=LoopOptions)

    def run(self) -> int:
        """Build, measure, write firmware.elf, firmware.bin and report.json; then build/<ENV> points to them."""
        self.loop.check()
        kind = device_kind(self.device)
        if kind in ("native", "rtl"):
            raise UsageError(f"firmware does not run on {kind}; use: ganglion run --device {kind}")
        self.emulator.check(kind)
        choice = self.which.choose()
        announce(choice)
        built = build_firmware(choice.actor.policy, self.how, self.guard)
        flash_model = self.emulator.flash_model
        device, path = open_device(self.device, built, flash_model), built.folder / "report.json"
        models = cycle_model_range(self.device, built, flash_model)
        loop = (self.loop.episodes, self.loop.first_seed)
        equal = measure(choice.actor, device, built.facts, *loop, path, models, self.loop.corners)
        point_latest(choice.env_id, built.folder)
        return int(not equal)
