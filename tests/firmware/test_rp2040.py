"""The RP2040's second boot stage and UF2 files: made by us, read here as the boot ROM and its drive read them."""

from __future__ import annotations

import struct
import zlib

import pytest
import unicorn
from hypothesis import given, settings
from hypothesis import strategies as st
from unicorn import arm_const

from ganglion.firmware.board import BOOT2_BYTES, load_board
from ganglion.firmware.elf import read_program
from ganglion.firmware.rp2040 import CODE_BYTES, Boot2Error, boot2_checksum, seal_boot2
from ganglion.firmware.uf2 import uf2_file
from tests.support.images import board_image, hopper_image

ROM_RUNS_IT_AT = 0x2004_1F00
SSI, VTOR = 0x1800_0000, 0xE000_ED08


def boot2() -> bytes:
    return board_image("pico").bin.read_bytes()[:BOOT2_BYTES]


def reversed_bits(value: int, count: int) -> int:
    return int(f"{value:0{count}b}"[::-1], 2)


def test_the_checksum_of_the_standard_message() -> None:
    """CRC-32/MPEG-2 of "123456789", as catalogues of CRCs list it."""
    assert boot2_checksum(b"123456789") == 0x0376_E6E7


@given(st.binary(max_size=300))
@settings(max_examples=50)
def test_the_checksum_is_zlibs_with_all_bits_the_other_way_round(content: bytes) -> None:
    mirrored = bytes(reversed_bits(byte, 8) for byte in content)
    assert boot2_checksum(content) == reversed_bits(zlib.crc32(mirrored) ^ 0xFFFF_FFFF, 32)


def test_the_image_begins_with_a_stage_that_the_boot_rom_accepts() -> None:
    stage = boot2()
    assert boot2_checksum(stage[:CODE_BYTES]) == int.from_bytes(stage[CODE_BYTES:], "little")


def test_elf_and_binary_hold_the_same_checksum() -> None:
    image = board_image("pico")
    assert read_program(image.elf).flash == image.bin.read_bytes()


def test_the_stage_sets_up_the_flash_and_goes_on_at_the_vector_table() -> None:
    """Run where the boot ROM runs it; the SSI is written while it is off, and switched on last."""
    uc = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
    uc.ctl_set_cpu_model(arm_const.UC_CPU_ARM_CORTEX_M0)
    image, written = board_image("pico").bin.read_bytes(), []
    uc.mem_map(0x1000_0000, 0x20_0000)
    uc.mem_write(0x1000_0000, image)
    uc.mem_map(0x2004_0000, 0x2000)
    uc.mem_write(ROM_RUNS_IT_AT, image[:BOOT2_BYTES])

    def keep(base: int):
        return lambda uc, offset, size, value, user: written.append((base + offset, value))

    uc.mmio_map(SSI, 0x1000, None, None, keep(SSI), None)
    uc.mmio_map(0xE000_E000, 0x1000, None, None, keep(0xE000_E000), None)
    stack, entry = struct.unpack_from("<II", image, BOOT2_BYTES)
    uc.emu_start(ROM_RUNS_IT_AT | 1, entry & ~1, count=100)
    assert uc.reg_read(arm_const.UC_ARM_REG_PC) == entry & ~1
    assert uc.reg_read(arm_const.UC_ARM_REG_SP) == stack
    assert written[0] == (SSI + 0x08, 0) and written[-2] == (SSI + 0x08, 1)
    assert written[-1] == (VTOR, load_board("pico").vectors)
    settings_ = dict(written[1:-2])
    divider, frame, read = settings_[SSI + 0x14], settings_[SSI], settings_[SSI + 0xF4]
    assert divider % 2 == 0 and 125e6 / divider <= 33e6
    assert (frame >> 16 & 0x1F, frame >> 8 & 3) == (31, 3)
    assert (read >> 24, read >> 8 & 3, read >> 2 & 0xF) == (0x03, 2, 6)


def test_an_image_without_a_second_stage_is_refused() -> None:
    with pytest.raises(Boot2Error, match=r"\.boot2 has 0 bytes; 256 are needed"):
        seal_boot2(hopper_image().elf)


def read_uf2(file: bytes) -> dict[int, bytes]:
    """{address: payload} as a drive reads it, with all that its boot loader checks."""
    assert len(file) % 512 == 0
    blocks = [file[at : at + 512] for at in range(0, len(file), 512)]
    content = {}
    for number, block in enumerate(blocks):
        first, second, flags, address, size, own, count, family = struct.unpack_from("<8I", block)
        assert (first, second) == (0x0A324655, 0x9E5D5157)
        assert block[508:] == bytes.fromhex("306fb10a")
        assert flags == 0x2000 and family == 0xE48BFF56
        assert (own, count, size) == (number, len(blocks), 256)
        assert address % 256 == 0
        content[address] = block[32 : 32 + size]
    return content


@given(st.binary(min_size=1, max_size=2000))
@settings(max_examples=50)
def test_a_uf2_file_holds_its_content_at_its_address(content: bytes) -> None:
    blocks = read_uf2(uf2_file(content, 0x1000_0000, 0xE48B_FF56))
    assert list(blocks) == [0x1000_0000 + 256 * i for i in range(len(blocks))]
    joined = b"".join(blocks.values())
    assert joined[: len(content)] == content
    assert set(joined[len(content) :]) <= {0xFF} and len(joined) - len(content) < 256


def test_the_images_uf2_file_is_its_binary() -> None:
    image = board_image("pico")
    joined = b"".join(read_uf2(image.uf2.read_bytes()).values())
    assert joined.startswith(image.bin.read_bytes())
    assert hopper_image().uf2 is None
