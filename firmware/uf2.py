"""UF2: an image in blocks of 512 bytes, each of which says where it goes, so that a drive may get them in any order.

Source: Microsoft's USB Flashing Format (UF2), section "File format".
"""

from __future__ import annotations

import struct

BLOCK_BYTES = 512
PAYLOAD_BYTES = 256
FIRST_MAGIC, SECOND_MAGIC, LAST_MAGIC = 0x0A32_4655, 0x9E5D_5157, 0x0AB1_6F30
FAMILY_FOLLOWS = 0x2000
_HEAD = struct.Struct("<8I")
_DATA_BYTES = BLOCK_BYTES - _HEAD.size - 4


def uf2_file(content: bytes, address: int, family: int) -> bytes:
    """`content` for the memory from `address` on, of chips of `family`; the last block is filled up with 0xFF."""
    pieces = [content[at : at + PAYLOAD_BYTES] for at in range(0, len(content), PAYLOAD_BYTES)]
    return b"".join(
        _block(piece.ljust(PAYLOAD_BYTES, b"\xff"), address + number * PAYLOAD_BYTES, number, len(pieces), family)
        for number, piece in enumerate(pieces)
    )


def _block(payload: bytes, address: int, number: int, count: int, family: int) -> bytes:
    head = _HEAD.pack(FIRST_MAGIC, SECOND_MAGIC, FAMILY_FOLLOWS, address, PAYLOAD_BYTES, number, count, family)
    return head + payload.ljust(_DATA_BYTES, b"\0") + LAST_MAGIC.to_bytes(4, "little")
