"""A design: the complete Verilog of one policy, as text, and the facts that follow from its construction."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from ganglion.codegen.policy import Policy


class DesignError(ValueError):
    """A policy or an option that this kind of design cannot hold; says what, where and what to do."""


@dataclass(frozen=True)
class Design:
    """Verilog-2005 of one policy: module `ganglion_actor` with the ports of docs/hls.md.

    `files` maps relative paths to text in a fixed order; `images` are the memory images among them.
    `cycles` is the exact number of clocks from the last observation code to the last action code.
    """

    kind: str
    digest: str
    features: int
    actions: int
    observation_bits: int
    cycles: int
    files: dict[str, str] = field(repr=False)

    @property
    def sources(self) -> list[str]:
        """Paths of the Verilog sources, in order."""
        return [path for path in self.files if path.endswith(".v")]

    @property
    def checksum(self) -> str:
        """SHA-256 (hex) over paths and texts."""
        state = hashlib.sha256()
        for path, text in self.files.items():
            state.update(f"{path}\0{text}\0".encode())
        return state.hexdigest()


def describe(policy: Policy, kind: str, cycles: int, texts: dict[str, str]) -> Design:
    """The design of `policy` whose files are `texts`."""
    bits = policy.observation.bits
    return Design(kind, policy.digest, policy.features, policy.actions, bits, cycles, texts)


def write_design(design: Design, folder: Path) -> list[Path]:
    """Write every file under its name only when whole; returns the Verilog sources."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in design.files.items():
        partial = folder / f".{path}.partial"
        partial.write_text(text)
        os.replace(partial, folder / path)
    return [folder / path for path in design.sources]


def rtl_source(name: str) -> str:
    """Text of the hand-written module `name`, or `<family>/<name>` for the one in a family's own cells."""
    return files(__package__).joinpath("rtl", *f"{name}.v".split("/")).read_text()


def hex_image(words: list[int], bits: int) -> str:
    """Memory image for $readmemh: one word of `bits` bits on each line."""
    digits = -(-bits // 4)
    return "".join(f"{word:0{digits}x}\n" for word in words)
