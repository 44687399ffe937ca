"""Which instruction accesses a register now: proved from the registers, or refused."""

from __future__ import annotations

import pytest
from capstone import arm

from ganglion.codegen.timing import decode
from ganglion.firmware.emulator.access import AccessError, accesses, find_access
from tests.support.assembly import assemble

TARGET = 0xE000_1004


def found(text: str, write: bool = False, after: int = -1, **registers: int) -> int:
    """Index of the instruction in `text` that accesses TARGET, with registers such as r0=..."""
    (code,) = assemble([text])
    block = decode(code, 0x100)
    values = {arm.ARM_REG_R0 + int(name[1:]): value for name, value in registers.items()}
    candidates = [item for item in accesses(block, write) if item.address > after]
    return block.index(find_access(block, candidates, TARGET, lambda number: values.get(number, 0)))


@pytest.mark.parametrize(
    "text, registers",
    [
        ("ldr r0, [r1]\nldr r0, [r2, #4]", {"r1": 0, "r2": TARGET - 4}),
        ("ldr r0, [r1, r2]\nldr r0, [r1, r2, lsl #2]", {"r1": TARGET - 8, "r2": 2}),
        ("ldr r0, [r2]\nldr r0, [r1], #8", {"r1": TARGET, "r2": 4}),
        ("ldr r0, [r2]\nldr r0, [r1, #4]!", {"r1": TARGET - 4, "r2": 4}),
    ],
)
def test_the_only_one_that_computes_the_address_is_it(text: str, registers: dict[str, int]) -> None:
    assert found(text, **registers) == 1


def test_loads_and_stores_are_told_apart() -> None:
    assert found("ldr r0, [r1]\nstr r0, [r1]", write=False, r1=TARGET) == 0
    assert found("ldr r0, [r1]\nstr r0, [r1]", write=True, r1=TARGET) == 1


def test_equal_accesses_come_in_their_order() -> None:
    text = "ldr r0, [r1]\nnop\nldr r2, [r1]"
    assert found(text, r1=TARGET) == 0
    assert found(text, after=0x100, r1=TARGET) == 2


def test_what_cannot_be_told_is_refused() -> None:
    with pytest.raises(AccessError, match="cannot tell which of 'ldr r0, "):
        found("ldr r0, [r1]\nmov r1, r3\nldr r2, [r1]", r1=TARGET, r3=TARGET)
    with pytest.raises(AccessError, match="no LDR or STR of this block accesses 0xE0001004"):
        found("ldm r1, {r2, r3}", r1=TARGET)
