"""A core's timing table, read from its TOML file."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

FOLDER = Path(__file__).parent

Kind = Literal["data", "load", "store", "multiple", "branch", "float", "other"]
KINDS = ("data", "load", "store", "multiple", "branch", "float", "other")


class CoreError(ValueError):
    """A core that is not known, or a timing table that contradicts itself."""


@dataclass(frozen=True)
class Rule:
    """What one form of an instruction costs, and the section of the manual that says so.

    Cycles are `cycles` + `cycles_per_word` * words moved + `cycles_per_refill` * P, and P more where `refill` is
    set and the branch is taken; `pipelined_cycles` replaces `cycles` behind a load that overlaps.
    `accumulates`: the first operand is an addend, which is needed one cycle later than the others.
    """

    source: str
    kind: Kind
    cycles: int
    cycles_per_word: int = 0
    cycles_per_refill: int = 0
    refill: bool = False
    pipelined_cycles: int | None = None
    accumulates: bool = False


@dataclass(frozen=True)
class Pair:
    """What two adjacent instructions cost beyond their own cycles, and the section that says so."""

    source: str
    cycles: int = 0


@dataclass(frozen=True)
class Exceptions:
    """Cycles from the last instruction to the handler's first, and those of unstacking."""

    source: str
    entry_cycles: int
    return_cycles: int
    return_float_cycles: int


@dataclass(frozen=True)
class UnalignedLoads:
    """What a load of a halfword or word costs beyond its own cycles, by its address modulo 4."""

    source: str
    halfword_cycles: tuple[int, int, int, int]
    word_cycles: tuple[int, int, int, int]


@dataclass(frozen=True)
class Core:
    """A core: its `rules` by (mnemonic, form), its `pairs`, and the refill cycles P that its pipeline can take.

    `unaligned_loads` is None where the core faults on them.
    `estimate`: the manual publishes no cycles, and the table is put together from other sources.
    """

    name: str
    architecture: str
    manual: str
    refill_cycles: tuple[int, ...]
    default_refill_cycles: int
    rules: Mapping[tuple[str, str], Rule]
    pairs: Mapping[str, Pair]
    exceptions: Exceptions
    unaligned_loads: UnalignedLoads | None = None
    estimate: bool = False

    def refill(self, cycles: int | None) -> int:
        """`cycles` checked against the core's range; the default when None."""
        cycles = self.default_refill_cycles if cycles is None else cycles
        if cycles not in self.refill_cycles:
            allowed = ", ".join(map(str, self.refill_cycles))
            raise CoreError(f"{self.name} does not refill its pipeline in {cycles} cycles; allowed: {allowed}")
        return cycles


def core_names() -> list[str]:
    """Cores with a timing table, in alphabetical order."""
    return sorted(path.stem.replace("_", "-") for path in FOLDER.glob("cortex_*.toml"))


@cache
def load_core(name: str) -> Core:
    """The core called `name`, such as "cortex-m4"; CoreError suggests the nearest name."""
    if name not in core_names():
        near = difflib.get_close_matches(name, core_names(), n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise CoreError(f"there is no timing table for {name!r}; {hint}cores: {', '.join(core_names())}")
    path = FOLDER / f"{name.replace('-', '_')}.toml"
    return parse_core(tomllib.loads(path.read_text(encoding="utf-8")))


def parse_core(table: dict[str, Any]) -> Core:
    """A Core from the entries of a timing table; CoreError where two rules claim the same instruction.

    A table with a `base` takes the rules and pairs of that core, and its own rules go before them.
    """
    base = load_core(table["base"]) if "base" in table else None
    own = {name: Pair(**pair) for name, pair in table.get("pairs", {}).items()}
    return Core(
        table["name"], table["architecture"], table["manual"],
        tuple(table["refill_cycles"]), table["default_refill_cycles"],
        MappingProxyType((dict(base.rules) if base else {}) | _parse_rules(table)),
        MappingProxyType((dict(base.pairs) if base else {}) | own),
        Exceptions(**table["exceptions"]), _parse_unaligned(table) or (base.unaligned_loads if base else None),
        table.get("estimate", False),
    )  # fmt: skip


def _parse_unaligned(table: dict[str, Any]) -> UnalignedLoads | None:
    entry = table.get("unaligned_loads")
    if entry is None:
        return None
    return UnalignedLoads(entry["source"], tuple(entry["halfword_cycles"]), tuple(entry["word_cycles"]))


def _parse_rules(table: dict[str, Any]) -> dict[tuple[str, str], Rule]:
    rules: dict[tuple[str, str], Rule] = {}
    for entry in table["rule"]:
        names, form = entry.pop("mnemonics").split(), entry.pop("form", "")
        rule = Rule(**entry)
        if rule.kind not in KINDS:
            raise CoreError(f"{table['name']}: kind {rule.kind!r} in {rule.source!r}; allowed: {', '.join(KINDS)}")
        for name in names:
            if (name, form) in rules:
                raise CoreError(f"{table['name']}: {name!r} {form} has two rules; leave one")
            rules[name, form] = rule
    return rules
