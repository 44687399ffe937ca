"""The whole of what a board is loaded with: an actor, the link in front of it, and a serial port."""

from __future__ import annotations

import struct
from dataclasses import replace

from .design import Design, DesignError, rtl_source
from .templates import render

PROTOCOL_VERSION = 1
FRAME_OVERHEAD = 6
ANSWER_OVERHEAD = 11
MAX_NAME = 23
MODULES = ("ganglion_uart", "ganglion_link", "ganglion_top")


def board_design(design: Design, policy_name: str, board: str, clock_hz: int) -> Design:
    """`design` with module `ganglion_top` around it: docs/protocol.md over a serial port.

    `policy_name`, the design's kind and `board` are what the device says of itself (ASCII, up to 23 bytes).
    """
    hello = _hello(design, policy_name, board, clock_hz)
    payload_bytes = design.features * design.observation_bits // 8
    longest = max(FRAME_OVERHEAD + payload_bytes, len(hello) + FRAME_OVERHEAD, ANSWER_OVERHEAD + 2 * design.actions)
    index_bits = (longest + 1).bit_length()
    modules = MODULES if "ganglion_rom.v" in design.files else ("ganglion_rom", *MODULES)
    texts = {f"{name}.v": rtl_source(name) for name in modules}
    texts["ganglion_device.v"] = render(
        "device.v.j2",
        design=design,
        index_bits=index_bits,
        action_bits=max(1, (design.actions - 1).bit_length()),
        seed=bytes.fromhex(design.digest)[:4][::-1].hex(),
        hello_bytes=len(hello),
    )
    image = (bytes(2) + hello).ljust(1 << index_bits, b"\0")
    texts["hello.hex"] = "".join(f"{byte:02x}\n" for byte in image)
    return replace(design, files={**design.files, **texts})


def _hello(design: Design, policy_name: str, board: str, clock_hz: int) -> bytes:
    """Payload of the answer to hello: status, version, digest, clock, features, actions and three names."""
    head = struct.pack("<BB32sI", 0, PROTOCOL_VERSION, bytes.fromhex(design.digest), clock_hz)
    names = b"".join(_name(text) for text in (policy_name, design.kind, board))
    return head + struct.pack("<HH", design.features, design.actions) + names


def _name(text: str) -> bytes:
    if not text.isascii() or len(text) > MAX_NAME:
        raise DesignError(f"name {text!r} does not fit the wire; allowed: up to {MAX_NAME} ASCII characters")
    return bytes((len(text),)) + text.encode()
