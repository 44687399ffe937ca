"""Compiled C as a program of its own, without the firmware's runtime, and what its functions take."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ganglion.firmware.board import FOLDER
from ganglion.firmware.elf import read_program
from ganglion.firmware.emulator.call import Caller, CallResult
from ganglion.firmware.image import LINKER_SCRIPT, POLICY_OPTIMISATION
from ganglion.firmware.stack import call_bounds_bytes

from .target import Target

_BUDGET_INSTRUCTIONS = 1 << 32


class LinkedProgram:
    """C files, compiled and linked as a board's firmware does it, with its functions ready to be called."""

    def __init__(self, elf: Path, target: Target) -> None:
        self._program = read_program(elf)
        self._caller = Caller(elf, target.board.core, flash_model=target.flash_model)

    def close(self) -> None:
        """Free the emulated core."""
        self._caller.engine.close()

    @property
    def flash_bytes(self) -> int:
        """All that lies in flash: constants and code."""
        return self._program.symbol("__policy_end").address - self._program.symbol("__policy_start").address

    def bytes_beside(self, function: str) -> int:
        """All that lies in flash but `function` itself; what aligns a function counts, what aligns a table depends on
        where it lands and does not."""
        start, end = (self._program.symbol(name).address for name in ("__policy_start", "__policy_end"))
        own = (symbol for symbol in self._program.symbols if start <= symbol.address < end and symbol.bytes)
        pieces = {(symbol.address, symbol.address + symbol.bytes, symbol.kind == "function") for symbol in own}
        reached, total = start, 0
        for begin, stop, is_code in sorted(pieces):
            total += max(0, stop - (reached if is_code else max(begin, reached)))
            reached = max(reached, stop)
        return total - self._program.symbol(function).bytes

    def symbol_bytes(self, name: str) -> int:
        """Bytes of the function `name` and of everything whose name begins with it and an underscore."""
        own = (s for s in self._program.symbols if s.name == name or s.name.startswith(f"{name}_"))
        return sum(count for _, count in {(symbol.address, symbol.bytes) for symbol in own})

    def stack_bytes(self, *functions: str) -> dict[str, int]:
        """The deepest stack of each function and what it calls, from the machine code."""
        return call_bounds_bytes(self._program, functions)

    def most_cycles(self, function: str, inputs: np.ndarray, output_bytes: int) -> int:
        """The most cycles that `function(row, output)` takes for a row of `inputs`."""
        return max(call.cycles for call, _ in self.calls(function, inputs, output_bytes))

    def most_counted(self, function: str, inputs: np.ndarray, output_bytes: int) -> int:
        """The largest number that `function(row, output)` returns for a row of `inputs`."""
        return max(call.value for call, _ in self.calls(function, inputs, output_bytes))

    def calls(self, function: str, inputs: np.ndarray, output_bytes: int) -> Iterator[tuple[CallResult, bytes]]:
        """What `function(row, output)` takes and its output for each row of `inputs`, each time with nothing of the
        flash in a cache."""
        source, target = self._caller.place(bytes(inputs[0].nbytes)), self._caller.place(bytes(output_bytes))
        for row in inputs:
            self._caller.engine.write(source, np.ascontiguousarray(row).tobytes())
            self._caller.engine.forget_flash()
            call = self._caller.call(function, source, target, budget_instructions=_BUDGET_INSTRUCTIONS)
            yield call, self._caller.engine.read(target, output_bytes)


@contextmanager
def linked_program(
    files: dict[str, str], keep: str, target: Target, firmware: Sequence[str] = ()
) -> Iterator[LinkedProgram]:
    """`files` {name: text}, the C files among them and those of the runtime and drivers that `firmware` names, compiled
    and linked for `target` with what the symbol `keep` needs; ToolchainError when the compiler refuses them."""
    with tempfile.TemporaryDirectory(prefix="ganglion-price-") as name:
        work = Path(name).resolve()
        shutil.copytree(FOLDER / "runtime", work / "runtime")
        shutil.copytree(FOLDER / "drivers", work / "drivers")
        shutil.copy(target.board.folder / "memory.ld", work)
        (work / "policy").mkdir()
        for path, text in files.items():
            (work / "policy" / path).write_text(text)
        sources = [f"policy/{path}" for path in files if path.endswith(".c")]
        objects = [target.toolchain.compile(source, work, {}, optimise=POLICY_OPTIMISATION) for source in sources]
        elf = target.toolchain.link([*objects, *firmware], {}, LINKER_SCRIPT, keep, work)
        program = LinkedProgram(elf, target)
        try:
            yield program
        finally:
            program.close()
