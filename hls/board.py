"""Boards as data: boards/<name>/board.toml, a Verilog wrapper with the clock, and the pins."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files


class BoardError(ValueError):
    """A board that does not exist; the message lists those that do."""


@dataclass(frozen=True)
class Board:
    """A part with `luts` look-up tables and `block_rams`, and what is around it.

    `clock_hz` drives the design, after the board's PLL; with `adders_per_stage` the spatial design keeps up with it.
    `wrapper` and `pins` are the texts of files.

    `place_and_route` are arguments that name the part to the router; `load` is the command, less the bitstream, that
    puts it onto the board.
    """

    name: str
    title: str
    family: str
    luts: int
    block_rams: int
    clock_hz: int
    baud: int
    adders_per_stage: int
    place_and_route: tuple[str, ...]
    load: tuple[str, ...]
    wrapper: str
    pins: str

    @property
    def divisor(self) -> int:
        """Clocks per bit of the serial port."""
        return round(self.clock_hz / self.baud)


PIN_FILES = {"ice40": "pins.pcf", "ecp5": "pins.lpf"}


def boards() -> list[str]:
    """Names of all boards, sorted."""
    folders = files(__package__).joinpath("boards").iterdir()
    return sorted(folder.name for folder in folders if folder.joinpath("board.toml").is_file())


def read_board(name: str) -> Board:
    """The board called `name`; BoardError when there is none. Wrapper and pins lie in its folder, or in the one that
    `files` of its board.toml names, for boards that differ in the part alone."""
    if name not in boards():
        raise BoardError(f"board {name!r} is unknown; allowed: {', '.join(boards())}")
    root = files(__package__).joinpath("boards")
    entry = tomllib.loads(root.joinpath(name, "board.toml").read_text())
    folder = root.joinpath(entry.pop("files", name))
    lists = {key: tuple(entry.pop(key, ())) for key in ("place_and_route", "load")}
    wrapper = folder.joinpath("board.v").read_text()
    return Board(**entry, **lists, wrapper=wrapper, pins=folder.joinpath(PIN_FILES[entry["family"]]).read_text())
