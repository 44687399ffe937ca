"""Boards as data: boards/<name>/board.toml, a Verilog wrapper with a PLL, its clocks, and the pins."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from importlib.resources import files


class BoardError(ValueError):
    """A board or a clock that does not exist; the message lists those that do."""


@dataclass(frozen=True)
class Board:
    """A part with `luts` look-up tables and `block_rams`, and what is around it.

    `clock_mhz` drives the design, after the board's PLL; `clocks` has what the PLL can be set to, with the parameters
    of `wrapper` for each. With `adders_per_stage` the spatial design keeps up with the board's standard clock.
    `wrapper` and `pins` are the texts of files.

    `place_and_route` are arguments that name the part to the router; `load` is the command, less the bitstream, that
    puts it onto the board.
    """

    name: str
    title: str
    family: str
    luts: int
    block_rams: int
    clock_mhz: int
    baud: int
    adders_per_stage: int
    place_and_route: tuple[str, ...]
    load: tuple[str, ...]
    clocks: dict[int, dict[str, int]]
    wrapper: str
    pins: str

    @property
    def clock_hz(self) -> int:
        """Frequency of the design's clock."""
        return self.clock_mhz * 1_000_000

    @property
    def divisor(self) -> int:
        """Clocks per bit of the serial port."""
        return round(self.clock_hz / self.baud)

    @property
    def parameters(self) -> dict[str, int]:
        """What the wrapper is told: the settings of the PLL, and the serial port's divisor."""
        return {**self.clocks[self.clock_mhz], "DIVISOR": self.divisor}

    def at(self, clock_mhz: int) -> Board:
        """This board with another of its clocks; BoardError when it has no such clock."""
        if clock_mhz not in self.clocks:
            allowed = ", ".join(map(str, self.clocks))
            raise BoardError(f"{self.name} has no clock of {clock_mhz} MHz; allowed: {allowed}")
        return replace(self, clock_mhz=clock_mhz)


PIN_FILES = {"ice40": "pins.pcf", "ecp5": "pins.lpf"}


def boards() -> list[str]:
    """Names of all boards, sorted."""
    folders = files(__package__).joinpath("boards").iterdir()
    return sorted(folder.name for folder in folders if folder.joinpath("board.toml").is_file())


def read_board(name: str) -> Board:
    """The board called `name`, at its standard clock; BoardError when there is none. Wrapper, clocks and pins lie in
    its folder, or in the one that `files` of its board.toml names, for boards that differ in the part alone."""
    if name not in boards():
        raise BoardError(f"board {name!r} is unknown; allowed: {', '.join(boards())}")
    root = files(__package__).joinpath("boards")
    entry = tomllib.loads(root.joinpath(name, "board.toml").read_text())
    folder = root.joinpath(entry.pop("files", name))
    for key in ("place_and_route", "load"):
        entry[key] = tuple(entry[key])
    clocks = tomllib.loads(folder.joinpath("clocks.toml").read_text())
    return Board(
        **entry,
        clocks={int(mhz): settings for mhz, settings in clocks.items()},
        wrapper=folder.joinpath("board.v").read_text(),
        pins=folder.joinpath(PIN_FILES[entry["family"]]).read_text(),
    )
