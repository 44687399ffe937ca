from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import tyro

from ..building import build_firmware, build_for_host
from ..devices import cycle_model_range, device_kind, open_device
from ..measure import measure
from ..options import ActorOptions, BuildOptions, LoopOptions, announce

Flat = tyro.conf.arg(name="")


@dataclass
class Run:
    """Run an actor in closed loop on a device, and compare every action with the oracle."""

    device: str = "native"
    """Where to run: native, emulator, qemu or serial:PORT."""
    which: Annotated[ActorOptions, Flat] = field(default_factory=ActorOptions)
    how: Annotated[BuildOptions, Flat] = field(default_factory=BuildOptions)
    loop: Annotated[LoopOptions, Flat] = field(default_factory=LoopOptions)

    def run(self) -> int:
        """Build for the device, measure, write report-<device>.json beside the build."""
        self.loop.check()
        kind = device_kind(self.device)
        choice = self.which.choose()
        announce(choice)
        policy = choice.actor.policy
        built = build_for_host(policy, self.how.build) if kind == "native" else build_firmware(policy, self.how)
        device, path = open_device(self.device, built), built.folder / f"report-{kind}.json"
        models = cycle_model_range(self.device, built)
        equal = measure(choice.actor, device, built.facts, self.loop.episodes, self.loop.first_seed, path, models)
        return int(not equal)
