"""Whether a run fits into this machine's memory: its replay buffer, its networks, a batch."""

from __future__ import annotations

import math
import os
from itertools import pairwise

from gymnasium import spaces

from .environments import atari_id
from .protocol import Protocol, ProtocolError

_SCALAR_BYTES = 12  # reward, end and time limit of a transition, float32 each
_FLOAT_BYTES = 4
_SHARE = 0.9
_TRAINED, _FOLLOWING = 6, 1  # copies of a parameter: itself, gradient, two moments, mask and what is used; a target
_NETWORKS = {"sac": (3, 2), "dqn": (1, 1)}  # actor and two critics, two targets; Q-network, target


def check_memory(protocol: Protocol, observations: spaces.Box, actions: spaces.Space) -> None:
    """Raise ProtocolError where networks, a batch or the replay buffer would not fit into this machine's memory."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    room = int(_SHARE * memory)
    has = f"this machine has {memory / 1e9:.1f}"
    networks = 0 if len(observations.shape) == 3 else _network_bytes(protocol, observations, actions)
    if networks > room:
        raise ProtocolError(
            f"networks of widths {protocol.widths} take {networks / 1e9:,.1f} GB with all that trains them, {has}; use "
            "narrower layers (--set widths=...)"
        )
    row = _row_bytes(protocol, observations)
    if protocol.batch_size * row > room - networks:
        raise ProtocolError(
            f"a batch of batch_size {protocol.batch_size:,} takes {protocol.batch_size * row / 1e9:,.1f} GB, {has}; at "
            f"most batch_size={(room - networks) // row} fits (--set batch_size=...)"
        )
    room -= networks + protocol.batch_size * row
    transition = _transition_bytes(protocol, observations, actions)
    needed = min(protocol.buffer_size, protocol.total_steps) * transition
    if needed > room:
        raise ProtocolError(
            f"a replay buffer of buffer_size {protocol.buffer_size:,} takes {needed / 1e9:,.1f} GB, {has}; at most "
            f"buffer_size={room // transition} fits (--set buffer_size=...)"
        )


def _network_bytes(protocol: Protocol, observations: spaces.Box, actions: spaces.Space) -> int:
    """Of perceptrons, each taken as one from observations and actions to actions; convolutional ones are small."""
    taken = math.prod(actions.shape) if isinstance(actions, spaces.Box) else int(actions.n)
    widths = [math.prod(observations.shape) + taken, *protocol.widths, taken]
    parameters = sum((inputs + 1) * outputs for inputs, outputs in pairwise(widths))
    trained, following = _NETWORKS[protocol.algorithm]
    return parameters * _FLOAT_BYTES * (_TRAINED * trained + _FOLLOWING * following)


def _row_bytes(protocol: Protocol, observations: spaces.Box) -> int:
    """Of a transition in a batch: two observations in float32, and what each layer of each network gives and is given
    back."""
    layers = 0 if len(observations.shape) == 3 else 2 * sum(protocol.widths) * sum(_NETWORKS[protocol.algorithm])
    return _FLOAT_BYTES * (2 * math.prod(observations.shape) + layers)


def _transition_bytes(protocol: Protocol, observations: spaces.Box, actions: spaces.Space) -> int:
    """Of a transition in the replay buffer; there a game's frames are kept once."""
    stack = math.prod(observations.shape) * observations.dtype.itemsize
    seen = stack // observations.shape[0] if atari_id(protocol.env_id) else 2 * stack
    return seen + math.prod(actions.shape or (2,)) * _FLOAT_BYTES + _SCALAR_BYTES
