"""The second stage of the RP2040's boot inside an image: its checksum, without which the boot ROM does not run it."""

from __future__ import annotations

import io
from pathlib import Path

from elftools.elf.elffile import ELFFile

from .board import BOOT2_BYTES

CODE_BYTES = BOOT2_BYTES - 4
_POLYNOMIAL = 0x04C1_1DB7


class Boot2Error(ValueError):
    """A program without a second stage of the right size."""


def seal_boot2(elf: Path) -> None:
    """Write the checksum of the section .boot2 of `elf` into its last four bytes, in place."""
    content = bytearray(elf.read_bytes())
    section = ELFFile(io.BytesIO(content)).get_section_by_name(".boot2")
    if section is None or section["sh_size"] != BOOT2_BYTES:
        size = section["sh_size"] if section else 0
        raise Boot2Error(f"{elf.name}: .boot2 has {size} bytes; {BOOT2_BYTES} are needed, {CODE_BYTES} of them code")
    start = section["sh_offset"]
    end = start + CODE_BYTES
    content[end : end + 4] = boot2_checksum(bytes(content[start:end])).to_bytes(4, "little")
    elf.write_bytes(content)


def boot2_checksum(code: bytes) -> int:
    """CRC-32 as the boot ROM computes it over 252 bytes (RP2040 Datasheet, 2.8.1.3.1): polynomial 0x04C11DB7, highest
    bit first, from 0xFFFFFFFF, nothing inverted at the end."""
    crc = 0xFFFF_FFFF
    for byte in code:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (_POLYNOMIAL if crc >> 31 else 0)) & 0xFFFF_FFFF
    return crc
