from __future__ import annotations

from dataclasses import dataclass

from ..building import build_firmware
from ..devices import cycle_model_range, device_kind, open_device
from ..errors import UsageError
from ..measure import measure
from ..options import BoardLoopOptions, announce
from ..places import point_latest


@dataclass
class Firmware(BoardLoopOptions):
    """Build a flashable image from an actor, run that very image in closed loop, and report."""

    device: str = "emulator"
    """Where the image runs: emulator, qemu or serial:PORT."""

    def run(self) -> int:
        """Build, measure, write firmware.elf, firmware.bin and report.json; then build/<ENV> points to them."""
        self.loop.check()
        kind = device_kind(self.device)
        if kind in ("native", "rtl"):
            raise UsageError(f"firmware does not run on {kind}; use: ganglion run --device {kind}")
        self.how.check_flash(kind)
        choice = self.which.choose()
        announce(choice)
        built = build_firmware(choice.actor.policy, self.how, self.guard)
        flash_model = self.how.flash_model
        device, path = open_device(self.device, built, flash_model), built.folder / "report.json"
        models = cycle_model_range(self.device, built, flash_model)
        loop = (self.loop.episodes, self.loop.first_seed)
        equal = measure(choice.actor, device, built.facts, *loop, path, models, self.loop.corners)
        point_latest(choice.env_id, built.folder)
        return int(not equal)
