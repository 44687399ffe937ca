"""Closed loop: the environment's observations go to the device, the device's actions back, and nothing is believed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

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


@dataclass
class _Trace:
    seed: int
    episode_return: float = 0.0
    finished: bool = False
    observations: list[np.ndarray] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)

    @property
    def episode(self) -> Episode:
        return Episode(self.seed, self.episode_return, len(self.replies), self.finished)


def rollout(
    policy: Policy, device: Device, env_id: str, episodes: int, first_seed: int = 0, progress: Progress | None = None
) -> Rollout:
    """Let `device` drive `env_id` for `episodes`, seeded first_seed, first_seed + 1, ...

    `device` is entered already. `progress(episode, step, return so far)` hears every step. A device that
    fails, or Ctrl-C, ends the rollout: what was measured until then is returned.
    """
    require_same_actor(policy, device)
    env = make_env(env_id, policy)
    played, equality, cycles, stopped_by = [], Equality(), [], None
    try:
        for index in range(episodes):
            trace = _Trace(first_seed + index)
            stopped_by = _play_until_stopped(policy, device, env, trace, index, progress)
            equality += _judge(policy, trace, index)
            cycles += [reply.cycles for reply in trace.replies]
            played.append(trace.episode)
            stopped_by = stopped_by or equality.stopped_by
            if stopped_by:
                break
        replay = equality.mismatches > 0
        reference_episodes = tuple(played)
        if replay:
            reference_episodes = () if stopped_by else _replay(policy, env, played)
    finally:
        env.close()
    counted = bool(cycles) and None not in cycles
    return Rollout(
        env_id=env_id,
        device=device.info,
        requested_episodes=episodes,
        episodes=tuple(played),
        reference=reference_episodes,
        reference_replayed=replay,
        equality=equality,
        cycles=np.array(cycles, dtype=np.int64) if counted else None,
        stopped_by=stopped_by,
    )


def _play_until_stopped(policy, device, env, trace, index, progress) -> DeviceError | KeyboardInterrupt | None:
    def hear() -> None:
        if progress:
            progress(index, len(trace.replies), trace.episode_return)

    try:
        _play(policy, env, lambda observation: ask(policy, device, observation), trace, hear)
    except (DeviceError, KeyboardInterrupt) as error:
        return error
    return None


def _judge(policy: Policy, trace: _Trace, index: int) -> Equality:
    observations = trace.observations[: len(trace.replies)]
    try:
        return compare(policy, observations, trace.replies, index)
    except KeyboardInterrupt as stop:
        return replace(compare(policy, observations, trace.replies, index), stopped_by=stop)


def _replay(policy: Policy, env: gymnasium.Env, played: list[Episode]) -> tuple[Episode, ...]:
    traces = [_Trace(episode.seed) for episode in played]
    for trace in traces:
        _play(policy, env, lambda observation: _ask_oracle(policy, observation), trace, lambda: None)
    return tuple(trace.episode for trace in traces)


def _play(policy: Policy, env: gymnasium.Env, act: Act, trace: _Trace, hear: Callable[[], None]) -> None:
    """Play one episode into `trace`, which holds all whole steps when this is interrupted."""
    observation, _ = env.reset(seed=trace.seed)
    while not trace.finished:
        observation = np.asarray(observation, dtype=np.float32)
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


def _ask_oracle(policy: Policy, observation: np.ndarray) -> Reply:
    inference = reference.infer(policy, observation[None])
    return Reply(inference.codes[0], int(inference.status[0]), None)
