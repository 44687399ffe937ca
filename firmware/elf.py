"""What the linker made: symbols, sections and flash contents of an ELF file, read once."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from elftools.elf.elffile import ELFFile


@dataclass(frozen=True)
class Symbol:
    """A named piece of memory; `kind` is "function", "object" or "other" and `address` is even."""

    name: str
    kind: str
    address: int
    bytes: int


@dataclass(frozen=True)
class Program:
    """A linked program: `symbols`, `sections` {name: (address, bytes)} of what lies in memory, and
    `pieces`, the contents of flash as (address, bytes) in ascending order."""

    symbols: tuple[Symbol, ...]
    sections: dict[str, tuple[int, int]]
    pieces: tuple[tuple[int, bytes], ...]

    def symbol(self, name: str) -> Symbol:
        """The symbol called `name`; KeyError when there is none."""
        for symbol in self.symbols:
            if symbol.name == name:
                return symbol
        raise KeyError(f"the program has no symbol {name!r}")

    def read(self, address: int, count: int) -> bytes:
        """`count` bytes of flash at `address`; KeyError outside of it."""
        for start, content in self.pieces:
            if start <= address and address + count <= start + len(content):
                return content[address - start : address - start + count]
        raise KeyError(f"0x{address:08X} is not in flash")

    def text(self, address: int) -> str:
        """The zero-ended string at `address`."""
        for start, content in self.pieces:
            if start <= address < start + len(content):
                return content[address - start : content.index(0, address - start)].decode("ascii")
        raise KeyError(f"0x{address:08X} is not in flash")

    @cached_property
    def code_starts(self) -> list[tuple[int, bool]]:
        """Where code and data begin, in ascending order: (address, whether it is code), from the mapping symbols."""
        return sorted((s.address, s.name[:2] == "$t") for s in self.symbols if s.name[:2] in ("$t", "$d"))

    @property
    def flash(self) -> bytes:
        """Everything from the first to the last byte of flash, gaps as 0xFF."""
        start = self.pieces[0][0]
        image = bytearray()
        for address, content in self.pieces:
            image += b"\xff" * (address - start - len(image)) + content
        return bytes(image)


def read_program(path: Path) -> Program:
    """Read a linked ELF file."""
    file = ELFFile(io.BytesIO(path.read_bytes()))
    pieces = sorted(
        (segment["p_paddr"], segment.data()) for segment in file.iter_segments("PT_LOAD") if segment["p_filesz"] > 0
    )
    sections = {
        section.name: (section["sh_addr"], section["sh_size"])
        for section in file.iter_sections()
        if section["sh_flags"] & _ALLOCATED
    }
    return Program(tuple(_symbols(file)), sections, tuple(pieces))


_ALLOCATED = 0x2
_KINDS = {"STT_FUNC": "function", "STT_OBJECT": "object"}


def _symbols(file: ELFFile) -> Iterator[Symbol]:
    for entry in file.get_section_by_name(".symtab").iter_symbols():
        kind = _KINDS.get(entry["st_info"]["type"], "other")
        address = entry["st_value"] & ~1 if kind == "function" else entry["st_value"]
        yield Symbol(entry.name, kind, address, entry["st_size"])
