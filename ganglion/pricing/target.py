"""What is priced for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from ganglion.codegen.timing import ZERO_WAIT, load_flash_model
from ganglion.firmware.board import Board
from ganglion.firmware.toolchain import Toolchain, find_toolchain

from ..boards import pick_board

DEFAULT_TOOLCHAIN = "zig"


@dataclass(frozen=True)
class Target:
    """A board, for its core, a compiler, and how long the core waits for its flash."""

    board: Board
    toolchain: Toolchain
    flash_model: str

    @property
    def key(self) -> tuple[str, ...]:
        """What a price depends on besides the policy and this program."""
        return self.board.core, str(self.board.fpu), self.board.cycle_counter, self.toolchain.version, self.flash_model


@cache
def target_of(
    core: str | None, board: str | None = None, toolchain: str = DEFAULT_TOOLCHAIN, flash_model: str = ZERO_WAIT
) -> Target:
    """The target with this core (and board); UsageError, ToolchainError or FlashModelError when there is none."""
    load_flash_model(flash_model)
    found = pick_board(core, board)
    return Target(found, find_toolchain(toolchain, found), flash_model)
