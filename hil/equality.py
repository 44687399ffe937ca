"""Is a device equal to the oracle? Every action code and every status is compared; there is no tolerance."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ganglion.codegen import reference
from ganglion.codegen.policy import Policy
from ganglion.firmware.wire import SAFE_ACTION

from .device import Device, DeviceError, Reply

ORACLE = "codegen/reference.py"
KEPT_MISMATCHES = 8
_BATCH = 256


@dataclass(frozen=True, eq=False)
class Mismatch:
    """One inference where device and oracle differ: `step` within `episode` (None outside of episodes)."""

    episode: int | None
    step: int
    observation: np.ndarray
    device_codes: np.ndarray
    oracle_codes: np.ndarray
    device_status: int
    oracle_status: int


@dataclass(frozen=True)
class Equality:
    """How many inferences were compared, how many differed, and the first of those.

    `stopped_by` is what ended the comparison before its time, if anything did.
    """

    inferences: int = 0
    mismatches: int = 0
    first: tuple[Mismatch, ...] = ()
    stopped_by: DeviceError | KeyboardInterrupt | None = None

    def __add__(self, other: Equality) -> Equality:
        return Equality(
            self.inferences + other.inferences,
            self.mismatches + other.mismatches,
            (self.first + other.first)[:KEPT_MISMATCHES],
            self.stopped_by or other.stopped_by,
        )


def check_equality(
    policy: Policy, device: Device, observations: np.ndarray, progress: Callable[[int], None] = lambda done: None
) -> Equality:
    """Run float32 `observations` (n, features) on `device` and on the oracle; `progress` hears each one.

    A device that fails, or Ctrl-C, ends the check: what was compared until then is returned.
    """
    require_same_actor(policy, device)
    replies: list[Reply] = []
    stopped_by = None
    try:
        for reply in _ask_all(policy, device, observations):
            replies.append(reply)
            progress(len(replies))
    except (DeviceError, KeyboardInterrupt) as error:
        stopped_by = error
    equality = compare(policy, observations[: len(replies)], replies, safe_action=device.info.safe_action)
    return replace(equality, stopped_by=stopped_by)


def compare(
    policy: Policy,
    observations: np.ndarray | Sequence[np.ndarray],
    replies: Sequence[Reply],
    episode: int | None = None,
    safe_action: tuple[int, ...] | None = None,
) -> Equality:
    """Compare replies with the oracle's, in their order; `safe_action` as in DeviceInfo."""
    total = Equality()
    for start in range(0, len(replies), _BATCH):
        batch = slice(start, start + _BATCH)
        total += _compare_batch(policy, np.asarray(observations[batch]), replies[batch], episode, start, safe_action)
    return total


def ask(policy: Policy, device: Device, observation: np.ndarray) -> Reply:
    """One inference; DeviceError when the answer is not int16 (actions,)."""
    return _check_reply(policy, device, device.infer(observation))


def _ask_all(policy: Policy, device: Device, observations: np.ndarray) -> Iterator[Reply]:
    """Replies in order; a device with `infer_all` gets the next observation while it works on the one before."""
    infer_all = getattr(device, "infer_all", None)
    replies = infer_all(observations) if infer_all else map(device.infer, observations)
    return (_check_reply(policy, device, reply) for reply in replies)


def _check_reply(policy: Policy, device: Device, reply: Reply) -> Reply:
    codes = np.asarray(reply.codes)
    if codes.dtype != np.int16 or codes.shape != (policy.actions,):
        raise DeviceError(
            f"{device.info.name} answered {codes.dtype}{list(codes.shape)}; int16[{policy.actions}] is needed: "
            "is the firmware on it the one that was just built?"
        )
    return reply


def require_same_actor(policy: Policy, device: Device) -> None:
    """DeviceError when the device runs another actor than `policy`."""
    if device.info.digest != policy.digest:
        raise DeviceError(
            f"{device.info.name} runs the actor {device.info.digest[:12]}, but {policy.digest[:12]} is asked for; "
            "build the firmware again and flash it"
        )


def _compare_batch(
    policy: Policy,
    observations: np.ndarray,
    replies: Sequence[Reply],
    episode: int | None,
    start: int,
    safe_action: tuple[int, ...] | None,
) -> Equality:
    oracle = _with_safe_action(reference.infer(policy, observations), safe_action)
    codes = np.stack([reply.codes for reply in replies])
    status = np.array([reply.status for reply in replies])
    different = np.flatnonzero((codes != oracle.codes).any(axis=1) | (status != oracle.status))
    first = tuple(
        Mismatch(
            episode, start + int(i), observations[i], codes[i], oracle.codes[i], int(status[i]), int(oracle.status[i])
        )
        for i in different[:KEPT_MISMATCHES]
    )
    return Equality(len(replies), len(different), first)


def _with_safe_action(oracle: reference.Inference, safe_action: tuple[int, ...] | None) -> reference.Inference:
    if safe_action is None:
        return oracle
    unsound = (oracle.status & reference.STATUS_NONFINITE) != 0
    codes = np.where(unsound[:, None], np.array(safe_action, np.int16), oracle.codes)
    return replace(oracle, codes=codes, status=np.where(unsound, oracle.status | SAFE_ACTION, oracle.status))
