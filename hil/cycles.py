"""Cycles of a device on a few observations: how far the figure moves with what the cycle model does not know."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ganglion.codegen.policy import Policy

from .device import Device, DeviceError
from .equality import ask, require_same_actor


@dataclass(frozen=True, eq=False)
class CycleSample:
    """Where the counts come from, such as "model:cortex-m4,P=1,ws=0", and int64 (inferences,)."""

    source: str
    cycles: np.ndarray


def sample_cycles(policy: Policy, device: Device, observations: np.ndarray) -> CycleSample:
    """Count the cycles of each of float32 `observations` (n, features); DeviceError where nothing counts."""
    require_same_actor(policy, device)
    cycles = [ask(policy, device, observation).cycles for observation in observations]
    if device.info.cycles_source is None or None in cycles:
        raise DeviceError(f"{device.info.name} does not count cycles; use the device emulator or a board")
    return CycleSample(device.info.cycles_source, np.array(cycles, dtype=np.int64))
