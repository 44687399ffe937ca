"""The filter for instructions that a core does not have, which emulators run all the same."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Any

from .core import FOLDER, Core, CoreError
from .instructions import Instruction, decode


class InstructionSetError(ValueError):
    """An instruction that the core would fault on; says which, where, and what the core has."""


@dataclass(frozen=True)
class _InstructionSet:
    mnemonics: frozenset[str]
    wide: frozenset[str] | None


def check_instruction_set(code: bytes, core: Core, address: int = 0) -> None:
    """Raise InstructionSetError at the first instruction of `code` that `core` does not have.

    `code` holds instructions only: leave literal pools out.
    """
    allowed = _load(core.architecture)
    for instruction in decode(code, address):
        reason = _missing(instruction, allowed)
        if reason:
            raise InstructionSetError(
                f"{core.name} ({core.architecture}) does not have {instruction}: {reason}; "
                f"compile for {core.name} or choose a core that has it"
            )


def instruction_sets(core: str) -> frozenset[str]:
    """Names of the instruction sets that the core called `core` has, such as "armv7-m" and "dsp"; CoreError suggests
    the nearest name. Not every one of these cores has a timing table."""
    cores = _table()["cores"]
    if core not in cores:
        near = difflib.get_close_matches(core, cores, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise CoreError(f"there is no core {core!r}; {hint}cores: {', '.join(cores)}")
    return frozenset(_table()["architectures"][cores[core]]["sets"])


def _missing(instruction: Instruction, allowed: _InstructionSet) -> str | None:
    if instruction.mnemonic not in allowed.mnemonics:
        return f"no {instruction.mnemonic} in this architecture"
    if allowed.wide is not None and instruction.size_bytes == 4 and instruction.mnemonic not in allowed.wide:
        return "no 32-bit encoding of it"
    if ".f64" in instruction.text and instruction.mnemonic not in ("vldr", "vstr"):
        return "no double precision"
    return None


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((FOLDER / "instruction_sets.toml").read_text(encoding="utf-8"))


@cache
def _load(architecture: str) -> _InstructionSet:
    table = _table()
    entry = table["architectures"][architecture]
    mnemonics = frozenset(name for part in entry["sets"] for name in table["sets"][part].split())
    return _InstructionSet(mnemonics, frozenset(entry["wide"].split()) if "wide" in entry else None)
