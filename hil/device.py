"""The one interface to everything that can run a policy: library, emulator, simulator, board."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import numpy as np


class DeviceError(RuntimeError):
    """A device that cannot be started, does not answer, or answers something else; says what to do."""


@dataclass(frozen=True)
class DeviceInfo:
    """What a device says of itself: `name` such as "emulator:stm32f405", the actor's `digest` (hex), the
    `kernel`, the `clock_hz` (None where time has no meaning), the source of its cycle counts, and the codes of the
    `safe_action` where that stands in for observations that are not finite (None where the policy answers them)."""

    name: str
    digest: str
    kernel: str
    clock_hz: int | None
    cycles_source: str | None
    safe_action: tuple[int, ...] | None = None


@dataclass(frozen=True, eq=False)
class Reply:
    """One inference: `codes` int16 (actions,), the `status` bits of docs/numerics.md, and `cycles`
    from observation to action codes (None where the device cannot count)."""

    codes: np.ndarray
    status: int
    cycles: int | None


class Device(Protocol):
    """A running policy. Use it as a context manager; `info` is known once it is entered."""

    info: DeviceInfo

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def infer(self, observation: np.ndarray) -> Reply:
        """Run the policy on one observation, float32 (features,)."""
        ...
