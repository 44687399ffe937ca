"""The `struct ganglion_policy` inside an object file or a linked program."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from pathlib import Path

from elftools.elf.elffile import ELFFile

from .elf import Program

_LAYOUT = struct.Struct("<II32sHHII")


@dataclass(frozen=True)
class PolicyRecord:
    """What a program says of its policy: `digest` in hex, `infer` and `self_test` as even addresses."""

    name: str
    kernel: str
    digest: str
    features: int
    actions: int
    infer: int
    self_test: int


def read_record(program: Program) -> PolicyRecord:
    """The record of a linked program (runtime/ganglion_policy.h, 32-bit pointers)."""
    content = program.read(program.symbol("ganglion_policy").address, _LAYOUT.size)
    name, kernel, digest, features, actions, infer, self_test = _LAYOUT.unpack(content)
    return PolicyRecord(
        program.text(name), program.text(kernel), digest.hex(), features, actions, infer & ~1, self_test & ~1
    )


def read_shape(path: Path) -> tuple[int, int]:
    """(features, actions) from an object file; ValueError when it does not define `ganglion_policy`."""
    file = ELFFile(io.BytesIO(path.read_bytes()))
    found = file.get_section_by_name(".symtab").get_symbol_by_name("ganglion_policy")
    if not found or found[0]["st_shndx"] == "SHN_UNDEF" or found[0]["st_size"] != _LAYOUT.size:
        raise ValueError(f"{path.name} does not define `const struct ganglion_policy ganglion_policy`")
    section = file.get_section(found[0]["st_shndx"])
    _, _, _, features, actions, _, _ = _LAYOUT.unpack_from(section.data(), found[0]["st_value"])
    return features, actions
