"""Closed loop: the environment's observations go to the device, the device's actions back, and nothing is believed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import gymnasium
import numpy as np

from ganglion.codegen import arithmetic, reference
from ganglion.codegen.policy import Policy

from .device import Device, DeviceError, DeviceInfo, Reply
from .environments import make_env
from .equality import Equality, ask, compare, require_same_actor

Act = Callable[[np.ndarray], Reply]
Progress = Callable[[int, int, float], None]


@dataclass(frozen=True)
class Episode:
    """One episode: its reset `seed`, the undiscounted sum of rewards, its length, and whether it came to its end."""

    seed: int
    episode_return: float
    steps: int
    finished: bool


@dataclass(frozen=True, eq=False)
class Rollout:
    """What `episodes` on a device gave.

    `reference` are the oracle's episodes on the same seeds: the device's own where every action was equal
    (`reference_replayed` False), else played again; empty where a stop left no time for it. `cycles` int64
    (inferences,), None where the device cannot count. `stopped_by` is what ended the rollout before its time.
    """

    env_id: str
    device: DeviceInfo
    requested_episodes: int
    episodes: tuple[Episode, ...]
    reference: tuple[Episode, ...]
    reference_replayed: bool
    equality: Equality
    cycles: np.ndarray | None
    stopped_by: DeviceError | KeyboardInterrupt | None

    @property
    def finished(self) -> tuple[Episode, ...]:
        """The episodes that came to their end; only these count as reward."""
        return tuple(episode for episode in self.episodes if episode.finished)


def rollout(
    policy: Policy, device: Device, env_id: str, episodes: int, first_seed: int = 0, progress: Progress | None = None
) -> Rollout:
    """Let `device` drive `env_id` for `episodes`, seeded first_seed, first_seed + 1, ...

    `device` is entered already. `progress(episode, step, return so far)` hears every step. A device that
    fails, or Ctrl-C, ends the rollout: what was measured until then is returned.
    """
    require_same_actor(policy, device)
    env = make_env(env_id, policy)
    loop = _Loop(policy, device, env, progress or (lambda episode, step, so_far: None))
    try:
        for index in range(episodes):
            loop.play(index, first_seed + index)
            if loop.stopped_by:
                break
        reference_episodes = loop.reference()
    finally:
        env.close()
    return Rollout(
        env_id=env_id,
        device=device.info,
        requested_episodes=episodes,
        episodes=tuple(loop.episodes),
        reference=reference_episodes,
        reference_replayed=loop.equality.mismatches > 0,
        equality=loop.equality,
        cycles=None if None in loop.cycles or not loop.cycles else np.array(loop.cycles, dtype=np.int64),
        stopped_by=loop.stopped_by,
    )


@dataclass
class _Trace:
    """An episode on its way; after an interruption it holds the whole steps."""

    seed: int
    episode_return: float = 0.0
    finished: bool = False
    observations: list[np.ndarray] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)

    @property
    def episode(self) -> Episode:
        return Episode(self.seed, self.episode_return, len(self.replies), self.finished)


@dataclass
class _Loop:
    """What the rollout has gathered so far."""

    policy: Policy
    device: Device
    env: gymnasium.Env
    progress: Progress
    episodes: list[Episode] = field(default_factory=list)
    equality: Equality = field(default_factory=Equality)
    cycles: list[int | None] = field(default_factory=list)
    stopped_by: DeviceError | KeyboardInterrupt | None = None

    def play(self, index: int, seed: int) -> None:
        """One episode with the device, compared at its end; a stop on the way is noted in `stopped_by`."""
        trace = _Trace(seed)
        try:
            _play(self.policy, self.env, self._ask_device, trace, lambda: self._hear(index, trace))
        except (DeviceError, KeyboardInterrupt) as error:
            self.stopped_by = error
        try:
            equality = self._compare(trace, index)
        except KeyboardInterrupt as error:
            self.stopped_by = error
            equality = self._compare(trace, index)
        self.equality += equality
        self.cycles += [reply.cycles for reply in trace.replies]
        self.episodes.append(trace.episode)

    def reference(self) -> tuple[Episode, ...]:
        """The oracle's episodes: these very ones if all was equal, else played again; () after a stop."""
        if self.equality.mismatches == 0:
            return tuple(self.episodes)
        traces = [_Trace(episode.seed) for episode in self.episodes]
        try:
            for trace in traces if not self.stopped_by else ():
                _play(self.policy, self.env, self._ask_oracle, trace, lambda: None)
        except KeyboardInterrupt as error:
            self.stopped_by = error
        return () if self.stopped_by else tuple(trace.episode for trace in traces)

    def _ask_device(self, observation: np.ndarray) -> Reply:
        return ask(self.policy, self.device, observation)

    def _ask_oracle(self, observation: np.ndarray) -> Reply:
        inference = reference.infer(self.policy, observation[None])
        return Reply(inference.codes[0], int(inference.status[0]), None)

    def _hear(self, index: int, trace: _Trace) -> None:
        self.progress(index, len(trace.replies), trace.episode_return)

    def _compare(self, trace: _Trace, index: int) -> Equality:
        seen = trace.observations[: len(trace.replies)]
        return compare(self.policy, seen, trace.replies, index, self.device.info.safe_action)


def _play(policy: Policy, env: gymnasium.Env, act: Act, trace: _Trace, hear: Callable[[], None]) -> None:
    observation, _ = env.reset(seed=trace.seed)
    while not trace.finished:
        with np.errstate(over="ignore"):
            observation = np.asarray(observation).astype(np.float32)
        reply = act(observation)
        trace.observations.append(observation)
        trace.replies.append(reply)
        observation, reward, terminated, truncated, _ = env.step(_action(policy, reply.codes))
        trace.episode_return += float(reward)
        trace.finished = bool(terminated or truncated)
        hear()


def _action(policy: Policy, codes: np.ndarray) -> np.ndarray | int:
    if policy.head.kind == "argmax":
        return int(codes[0])
    return arithmetic.affine(codes, policy.head.gain, policy.head.offset)
