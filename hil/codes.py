"""A device that takes observation codes: logic behind docs/protocol.md, simulated or on a board."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from ganglion.codegen import arithmetic, reference
from ganglion.codegen.policy import Policy
from ganglion.firmware.wire import Command, encode_codes, parse_inference

from .device import DeviceError, Reply
from .link import Stream, WireDevice


class CodesDevice(WireDevice):
    """A WireDevice that maps observations to codes on the host, as docs/numerics.md allows a driver to do.

    On entering, known answers (smallest, largest and zero codes) stand in for the self-test.
    """

    def __init__(
        self, name: str, connect: Callable[[], Stream], policy: Policy, cycles_source: str, timeout_s: float = 1.0
    ) -> None:
        super().__init__(name, connect, policy.digest, cycles_source, timeout_s)
        self._policy = policy

    def infer(self, observation: np.ndarray) -> Reply:
        """Run the policy on one observation, float32 (features,); DeviceError when no sound answer comes."""
        if observation.shape != (self._policy.features,):
            raise DeviceError(
                f"{self.name}: the observation has shape {observation.shape}, "
                f"the policy takes ({self._policy.features},)"
            )
        maps = self._policy.observation
        codes, bad = arithmetic.quantise(observation.astype(np.float32), maps.gain, maps.offset, maps.bits)
        reply = self.infer_codes(codes)
        return Reply(reply.codes, reply.status | (reference.STATUS_NONFINITE if bad.any() else 0), reply.cycles)

    def infer_all(self, observations: Iterable[np.ndarray]) -> Iterator[Reply]:
        """The replies to observations, in order and one at a time: logic loses what comes while it works."""
        return map(self.infer, observations)

    def infer_codes(self, codes: np.ndarray) -> Reply:
        """Run the policy on observation codes, integers (features,)."""
        answer = self._ask(Command.INFER_CODES, encode_codes(codes, self._policy.observation.bits))
        with self._sense():
            inference = parse_inference(answer, self._policy.actions)
        return Reply(inference.codes, inference.status, inference.cycles)

    def _check_self_test(self) -> None:
        for value in (*self._policy.observation.code_range, 0):
            codes = np.full(self._policy.features, value)
            expected = reference.infer_codes(self._policy, codes[None])[0]
            found = self.infer_codes(codes).codes
            if not np.array_equal(found, expected):
                raise DeviceError(
                    f"{self.name}: codes {value} give {found.tolist()}, the actor gives {expected.tolist()}; "
                    "load a bitstream that was built from this actor"
                )
