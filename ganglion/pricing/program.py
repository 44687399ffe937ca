"""A compiled policy as a program of its own, without the firmware's runtime, and what it takes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ganglion.firmware.board import FOLDER, Board
from ganglion.firmware.elf import Program, read_program
from ganglion.firmware.emulator.call import Caller
from ganglion.firmware.image import LINKER_SCRIPT, POLICY_OPTIMISATION
from ganglion.firmware.stack import call_bound_bytes
from ganglion.firmware.toolchain import Toolchain

RECORD = "ganglion_policy"
_BUDGET_INSTRUCTIONS = 1 << 32


@dataclass(frozen=True)
class PolicyProgram:
    """A linked policy: the file, its symbols, and the core that it is for."""

    elf: Path
    program: Program
    core: str

    @property
    def flash_bytes(self) -> int:
        """All that the policy keeps in flash: weights, indices, biases, tables and code."""
        return self.program.symbol("__policy_end").address - self.program.symbol("__policy_start").address

    def stack_bytes(self, function: str) -> int:
        """The deepest stack of `function` and what it calls, from the machine code."""
        return call_bound_bytes(self.program, self.program.symbol(function).address)

    def most_cycles(self, function: str, inputs: np.ndarray, output_bytes: int) -> int:
        """The most cycles that `function(row, output)` takes for a row of `inputs`."""
        with Caller(self.elf, self.core) as caller:
            source, target = caller.place(bytes(inputs[0].nbytes)), caller.place(bytes(output_bytes))
            most = 0
            for row in inputs:
                caller.engine.write(source, np.ascontiguousarray(row).tobytes())
                call = caller.call(function, source, target, budget_instructions=_BUDGET_INSTRUCTIONS)
                most = max(most, call.cycles)
        return most


@contextmanager
def linked_policy(files: dict[str, str], board: Board, toolchain: Toolchain) -> Iterator[PolicyProgram]:
    """`files` of a plan, compiled and linked as the board's firmware does it, while the context lasts; ToolchainError
    when the compiler refuses them."""
    with tempfile.TemporaryDirectory(prefix="ganglion-price-") as name:
        work = Path(name).resolve()
        shutil.copytree(FOLDER / "runtime", work / "runtime")
        shutil.copytree(FOLDER / "drivers", work / "drivers")
        shutil.copy(board.folder / "memory.ld", work)
        (work / "policy").mkdir()
        for path, text in files.items():
            (work / "policy" / path).write_text(text)
        elf = toolchain.link(["policy/policy.c"], {}, LINKER_SCRIPT, RECORD, work, POLICY_OPTIMISATION)
        yield PolicyProgram(elf, read_program(elf), board.core)
