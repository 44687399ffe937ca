"""Options that several commands share; the docstrings are the help."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console

from ganglion.codegen.policy import Policy
from ganglion.codegen.safe_action import safe_action
from ganglion.codegen.timing import ZERO_WAIT, load_flash_model
from ganglion.firmware.safety import Safety

from .errors import UsageError
from .pricing.choice import Goal, Limits
from .selection import Choice, load_choice, select_actor

Flat = tyro.conf.arg(name="")
"""A group of options without a prefix of its own."""


@dataclass
class ActorOptions:
    """Which actor: give an environment or a file."""

    env: str | None = None
    """Environment, such as Hopper or Hopper-v4; the actor comes from the zoo."""
    sparsity: float | None = None
    """Nominal sparsity of the zoo's actor; by default 0.98, or the nearest that the zoo has."""
    algorithm: str | None = None
    """Algorithm of the zoo's actor, such as sac or distil; by default the one with the highest quantised return."""
    zoo: Path | None = None
    """Folder with <environment>/<actor>.safetensors instead of the zoo that comes with Ganglion."""
    actor: Path | None = None
    """An actor file instead of one of the zoo."""

    def choose(self) -> Choice:
        """The actor that is asked for; UsageError when it is not clear which."""
        if (self.env is None) == (self.actor is None):
            found = "neither was given" if self.env is None else f"both {self.env} and {self.actor} were given"
            raise UsageError(f"say which actor: an environment (--env Hopper) or a file (--actor FILE); {found}")
        if self.actor is not None:
            self._check_alone()
            return load_choice(self.actor)
        return select_actor(self.env, self.sparsity, self.algorithm, self.zoo)

    def _check_alone(self) -> None:
        for name in ("sparsity", "algorithm", "zoo"):
            if (value := getattr(self, name)) is not None:
                raise UsageError(f"--{name} {value} chooses among the zoo's actors; leave it out beside {self.actor}")


@dataclass
class KernelOptions:
    """Which kernel computes the layers (docs/kernels.md)."""

    kernel: str | None = None
    """Kernel: csr (portable C, the default), lanes, straight, shifts or straight-v6m (fast: with DSP, Thumb-2, on an
    M3, on an M0+), rows (in between), bytes, packed or stream (ever smaller), dense, scatter; or parts such as
    straight:1,rows:2, the first layer straight and the next two in rows (all but scatter, stream and straight-v6m)."""
    optimize: Goal | None = None
    """Price every kernel and take the one with the fewest cycles, the fewest bytes of flash, or the smallest product of
    both (balanced, the default where a limit is given)."""
    mix: bool = True
    """Choose among mixes too: a kernel for each group of layers."""
    max_cycles: int | None = None
    """Most cycles of an inference."""
    max_flash: int | None = None
    """Most bytes of flash of the policy: weights, indices, biases, tables and code, without the runtime."""
    max_ram: int | None = None
    """Most bytes of stack of an inference."""
    flash_model: str = ZERO_WAIT
    """How long the core waits for its flash, in prices and in the emulator: zero-wait, stm32f405-art (168 MHz) or
    generic-64bit-4ws."""

    @property
    def goal(self) -> Goal | None:
        """What to choose by; None where nothing is to be chosen."""
        return self.optimize or ("balanced" if self.limits() else None)

    def limits(self) -> Limits:
        """The limits; UsageError where one is not positive."""
        return Limits(self.max_cycles, self.max_flash, self.max_ram)

    def check_flash(self, where: str) -> None:
        """UsageError when there is no such flash model, or when `where` neither emulates nor prices with it."""
        load_flash_model(self.flash_model)
        if self.flash_model != ZERO_WAIT and where != "emulator" and self.goal is None:
            raise UsageError(
                f"--flash-model {self.flash_model} is for the emulator and for the choice of a kernel, not for "
                f"{where}; leave it out, or let a kernel be chosen with --optimize or a limit"
            )


@dataclass
class BuildOptions(KernelOptions):
    """How the firmware is built."""

    target: str | None = None
    """Core to build for; by default the board's, or cortex-m4."""
    board: str | None = None
    """Board to build for (ganglion boards lists them); by default the first one with the target's core, and icebreaker
    for logic."""
    toolchain: str = "zig"
    """Compiler: zig (comes with Ganglion) or gcc (arm-none-eabi-gcc)."""
    build: Path = Path("build")
    """Folder for all that is built."""


@dataclass
class SafetyOptions:
    """What the firmware does without sound observations, or when it is stuck (docs/safety.md)."""

    safe_action: tuple[int, ...] = ()
    """Action codes that stand in then; by default those of action zero, or of the midpoint."""
    safe_timeout_ms: int = 0
    """Give the safe action when no observation has come for so long; 0: never."""
    safe_when_not_finite: bool = False
    """Give the safe action for an observation that is not finite."""
    watchdog_ms: int | None = None
    """Let the watchdog reset a board that is stuck for so long; 0: no watchdog; by default as the board's file says."""

    def settings(self, policy: Policy) -> Safety:
        """The settings of an image for `policy`."""
        action = safe_action(policy, self.safe_action)
        return Safety(action, self.safe_timeout_ms, self.safe_when_not_finite, self.watchdog_ms)


@dataclass
class LineOptions:
    """How bad the line to the device is made."""

    fault_rate: float = 0.0
    """Faults per byte, both ways: bits flip, bytes are lost, repeated, late, out of order, in pieces."""
    fault_seed: int = 0
    """Seed of the faults."""


@dataclass
class DesignOptions:
    """Which logic is built for an FPGA."""

    design: Literal["auto", "sequential", "spatial", "shallow"] = "auto"
    """Sequential (a program in block RAM, one product per lane and clock), spatial (every product an adder), shallow
    (spatial with fewer clocks and more adders), or the one that --optimize asks for (in `run`: cycles for the fewest
    clocks, flash for the smallest)."""
    lanes: int | None = None
    """Multipliers of the sequential design that work side by side, 1 to 8."""
    adders_per_stage: int | None = None
    """Adders between two registers of the spatial designs: fewer give a faster clock and more cycles; by default as the
    board's file says."""
    clock_mhz: int | Literal["auto"] | None = None
    """Clock of the design, one of the board's (any other lists them); by default the board's standard one. A bitstream
    takes auto too: the fastest that place and route proves."""


@dataclass
class LogicOptions(DesignOptions):
    """How the logic of an FPGA is built."""

    optimize: Literal["area", "latency"] = "area"
    """What auto takes: the smallest or the fastest design that is estimated to fit the board."""


@dataclass
class LoopOptions:
    """How the closed loop is run."""

    episodes: int = 10
    """Episodes in the closed loop."""
    first_seed: int = 0
    """Seed of the first episode; the others count up from it."""
    corners: int | None = None
    """Corner observations to compare with the oracle; by default as many as the device does in seconds."""

    def check(self) -> None:
        """UsageError when there is nothing to run."""
        if self.corners is not None and self.corners < 1:
            raise UsageError(f"--corners {self.corners}; at least 1 is needed")
        if self.episodes < 1 or self.first_seed < 0:
            raise UsageError(f"--episodes {self.episodes} --first-seed {self.first_seed}; at least 1 and 0 are needed")


@dataclass
class BoardLoopOptions:
    """What all commands share that build an image and run it in closed loop."""

    which: Annotated[ActorOptions, Flat] = field(default_factory=ActorOptions)
    how: Annotated[BuildOptions, Flat] = field(default_factory=BuildOptions)
    guard: Annotated[SafetyOptions, Flat] = field(default_factory=SafetyOptions)
    loop: Annotated[LoopOptions, Flat] = field(default_factory=LoopOptions)


def given(options: object, *but: str) -> list[str]:
    """The options that differ from their defaults, as they are written on the command line, such as "--board"; those
    with a name in `but` are left out."""
    names = (each.name for each in fields(options) if getattr(options, each.name) != each.default)
    return [f"--{name.replace('_', '-')}" for name in names if name not in but]


def announce(choice: Choice) -> None:
    """Say which actor was chosen, and why."""
    about = choice.actor.about
    nominal = about["sparsity"]["nominal"]
    Console().print(
        f"{choice.env_id}: {choice.path.name} ({about['algorithm']}, sparsity {nominal:g}), {choice.reason}",
        highlight=False,
        soft_wrap=True,
    )
