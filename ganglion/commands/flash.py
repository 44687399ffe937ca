from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import tyro
from rich.console import Console

from ganglion.codegen.policy import Policy
from ganglion.firmware.board import Board
from ganglion.firmware.flashing import flash, pick_method
from ganglion.firmware.flashing.probe import list_probes
from ganglion.hil.serial import serial_device

from ..boards import pick_board
from ..building import build_firmware
from ..options import ActorOptions, BuildOptions, Flat, SafetyOptions, announce


@dataclass
class Flash:
    """Build the image of an actor, write it to a board, and ask the board what it runs."""

    port: str | None = None
    """Serial port of the board, such as /dev/ttyACM0: its hello and its self-test are read back there."""
    probe: str | None = None
    """Id of the debug probe where several are connected, or the folder of a board's drive."""
    way: Annotated[str | None, tyro.conf.arg(name="with")] = None
    """How to write: pyocd, drive (a UF2 file), openocd or st-flash; by default drive where there is one, or pyocd."""
    probes: bool = False
    """List the debug probes that are connected, and do nothing else."""
    which: Annotated[ActorOptions, Flat] = field(default_factory=ActorOptions)
    how: Annotated[BuildOptions, Flat] = field(default_factory=BuildOptions)
    guard: Annotated[SafetyOptions, Flat] = field(default_factory=SafetyOptions)

    def run(self) -> int:
        """Build, write, verify, reset; with a port, also say what answers there."""
        console = Console(highlight=False, soft_wrap=True)
        if self.probes:
            console.print("\n".join(list_probes()) or "no debug probe is connected", markup=False)
            return 0
        self.how.check_flash(self.way or "a board")
        pick_method(pick_board(self.how.target, self.how.board), self.way)
        choice = self.which.choose()
        announce(choice)
        built = build_firmware(choice.actor.policy, self.how, self.guard)
        console.print(flash(built.image, self.way, self.probe), markup=False)
        board = built.image.board
        console.print(_ask(self.port, board, choice.actor.policy) if self.port else _advice(board), markup=False)
        return 0


def _ask(port: str, board: Board, policy: Policy) -> str:
    """What the board says of itself; a board with another actor, or that fails its self-test, is a DeviceError."""
    with serial_device(port, board.usart.baud, policy.digest) as device:
        hello = device.hello
        return (
            f"{port}: {hello.board} runs {hello.policy} ({hello.digest.hex()[:8]}), kernel {hello.kernel}, "
            f"{hello.clock_hz / 1e6:g} MHz; self-test passed"
        )


def _advice(board: Board) -> str:
    usart = board.usart
    return (
        f"to hear what it runs, give its serial port (--port): {usart.name}, {usart.tx} sends, {usart.rx} receives, "
        f"{usart.baud:,} baud"
    )
