"""Devices for the tests: the oracle behind the Device interface, and the ways in which a device goes wrong."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import numpy as np

from ganglion.codegen import reference
from ganglion.codegen.policy import Policy
from ganglion.hil.device import DeviceError, DeviceInfo, Reply


class OracleDevice:
    """Answers with the oracle's codes; counts 100 cycles and one more for each of seven inferences, then again."""

    cycles_source: str | None = "model:test"

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.inferences = 0
        self.info = DeviceInfo("fake:oracle", policy.digest, "reference", 1_000_000, self.cycles_source)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def infer(self, observation: np.ndarray) -> Reply:
        result = reference.infer(self.policy, observation[None])
        self.inferences += 1
        return Reply(result.codes[0], int(result.status[0]), 100 + self.inferences % 7)


class WrongOnce(OracleDevice):
    """One code is off by one in the inference with number `at` (from 0)."""

    def __init__(self, policy: Policy, at: int) -> None:
        super().__init__(policy)
        self.at = at

    def infer(self, observation: np.ndarray) -> Reply:
        reply = super().infer(observation)
        if self.inferences - 1 == self.at:
            reply.codes[-1] ^= 1
        return reply


class WrongStatus(OracleDevice):
    """The codes are right; the status always says that the observation was finite."""

    def infer(self, observation: np.ndarray) -> Reply:
        reply = super().infer(observation)
        return Reply(reply.codes, 0, reply.cycles)


class Garbage(OracleDevice):
    """Answers with float codes and one too many of them."""

    def infer(self, observation: np.ndarray) -> Reply:
        return Reply(np.zeros(self.policy.actions + 1), 0, None)


class Dying(OracleDevice):
    """Raises `error` instead of inference number `at`: too late an answer, a pulled plug, or Ctrl-C."""

    def __init__(self, policy: Policy, at: int, error: BaseException | None = None) -> None:
        super().__init__(policy)
        self.at = at
        self.error = error or DeviceError("fake:oracle did not answer within 1 s; reset the board")

    def infer(self, observation: np.ndarray) -> Reply:
        if self.inferences == self.at:
            raise self.error
        return super().infer(observation)
