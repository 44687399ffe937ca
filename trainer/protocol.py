"""Every hyperparameter of a training run, and the presets."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .calibration import BitWidths
from .pruning import Allocation, CubicSchedule


class ProtocolError(ValueError):
    """A hyperparameter outside what is allowed; the message says which and what is."""


@dataclass(frozen=True)
class Protocol:
    """Soft actor-critic with gradual pruning and integer training.

    The schedule is that of Ivanov et al. (Sci Rep 15, 9718, 2025): dense up to `prune_start` * steps, cubic magnitude
    pruning up to `prune_end` * steps, fixed mask up to `steps`, then quantised up to `quantise_end` * steps. Sparsity 0
    means no pruning, `quantise_end` 1 no quantisation.
    """

    env_id: str
    seed: int = 0
    steps: int = 1_000_000
    sparsity: float = 0.0
    allocation: Allocation = "paper"
    prune_start: float = 0.2
    prune_end: float = 0.8
    prune_events: int = 600
    quantise_end: float = 1.2
    bits: BitWidths = BitWidths()
    learning_rate: float = 3e-4
    weight_decay: float = 1e-4
    batch_size: int = 256
    gamma: float = 0.99
    tau: float = 0.005
    learning_starts: int = 10_000
    buffer_size: int = 1_000_000
    evaluate_every: int = 20_000
    evaluation_episodes: int = 5

    @property
    def total_steps(self) -> int:
        """Environment steps of the whole run, quantised training included."""
        return round(self.steps * max(1.0, self.quantise_end))

    @property
    def schedule(self) -> CubicSchedule:
        """When to prune how much."""
        return CubicSchedule(
            self.sparsity, round(self.prune_start * self.steps), round(self.prune_end * self.steps), self.prune_events
        )

    @property
    def quantises(self) -> bool:
        """Whether the run ends with integer training."""
        return self.quantise_end > 1.0


def paper(env_id: str, sparsity: float, **changes) -> Protocol:
    """The published protocol for SAC: weight decay on actor and critics, batch 256."""
    return replace(Protocol(env_id, sparsity=sparsity), **changes)


def teacher(env_id: str, **changes) -> Protocol:
    """A dense float policy to be distilled: no pruning, no weight decay, and a smaller batch, which saves a third.

    Swimmer is not learned with gamma 0.99; 0.9999 is what works.
    """
    gamma = 0.9999 if env_id.startswith("Swimmer") else 0.99
    base = Protocol(env_id, quantise_end=1.0, weight_decay=0.0, batch_size=128, gamma=gamma)
    return replace(base, **changes)


def check_protocol(protocol: Protocol) -> None:
    """Raise ProtocolError for the first value that is not allowed."""
    if not 0.0 <= protocol.sparsity < 1.0:
        raise ProtocolError(f"sparsity is {protocol.sparsity}; allowed: 0 up to, but not including, 1")
    if not 0.0 <= protocol.prune_start < protocol.prune_end <= 1.0:
        raise ProtocolError(
            f"pruning runs from {protocol.prune_start} to {protocol.prune_end} of the steps; "
            "needed: 0 <= prune_start < prune_end <= 1"
        )
    if protocol.sparsity and protocol.schedule.interval < 1:
        span = protocol.schedule.end - protocol.schedule.start
        raise ProtocolError(f"{protocol.prune_events} pruning events do not fit into {span} steps; use at most {span}")
    if protocol.learning_starts >= protocol.total_steps:
        raise ProtocolError(
            f"learning starts at step {protocol.learning_starts}, the run has {protocol.total_steps}; train for longer"
        )
    if not 2 <= protocol.bits.weights <= 8:
        raise ProtocolError(f"weights have {protocol.bits.weights} bits; allowed: 2 to 8")
    for name in ("activations", "observations"):
        if getattr(protocol.bits, name) not in (8, 16):
            raise ProtocolError(f"{name} have {getattr(protocol.bits, name)} bits; allowed: 8, 16")
