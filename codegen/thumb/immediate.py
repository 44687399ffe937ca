"""Constants inside instructions: what one instruction holds, and the fewest that load any 32-bit value."""

from __future__ import annotations

from functools import cache

LOW_REGISTERS = frozenset(f"r{number}" for number in range(8))
PLAIN_LIMIT = 1 << 12
_MASK = 0xFFFF_FFFF


@cache
def is_modified(value: int) -> bool:
    """Whether `value` modulo 2**32 is a modified immediate constant (ARM DDI 0403E, A5.3.2)."""
    value &= _MASK
    low, second = value & 0xFF, value & 0xFF00
    if value in (low, low * 0x0001_0001, second * 0x0001_0001, low * 0x0101_0101):
        return True
    width = value.bit_length()
    return value & ~(0xFF << (width - 8)) == 0 if width > 8 else True


@cache
def load_cost(value: int) -> int:
    """Instructions that `load_constant` takes."""
    return 1 if is_modified(value) or is_modified(~value) or 0 <= value < 1 << 16 else 2


def load_constant(register: str, value: int) -> list[str]:
    """Instructions that put `value` modulo 2**32 into `register`; flags may change."""
    word = value & _MASK
    if word < 256 and register in LOW_REGISTERS:
        return [f"movs {register}, #{word}"]
    if is_modified(word):
        return [f"mov.w {register}, #{word}"]
    if is_modified(~word):
        return [f"mvn.w {register}, #{~word & _MASK}"]
    low = f"movw {register}, #{word & 0xFFFF}"
    return [low] if word < 1 << 16 else [low, f"movt {register}, #{word >> 16}"]


def is_addend(value: int) -> bool:
    """Whether one ADD or SUB holds `value`."""
    return abs(value) < PLAIN_LIMIT or is_modified(abs(value))


def add_constant(target: str, source: str, value: int) -> str:
    """The instruction target = source + value, for which `is_addend` holds."""
    name, size = ("add", value) if value >= 0 else ("sub", -value)
    return f"{name}{'w' if size < PLAIN_LIMIT and not is_modified(size) else '.w'} {target}, {source}, #{size}"
