"""Flash that is slower than the core: its wait states and the caches in front of it, read from TOML files."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "flash"
ZERO_WAIT = "zero-wait"
MAX_LINES = 256


class FlashModelError(ValueError):
    """A flash model that is not known, or whose numbers contradict each other."""


@dataclass(frozen=True)
class FlashModel:
    """How long the core waits for flash. A read of `line_bytes` takes 1 + `wait_states` cycles, one at a time.

    `instruction_lines` and `data_lines` are cached, the least recently used leaves first. With `prefetch`, entering a
    line starts to read the one behind it. `source` says where the numbers come from.
    """

    name: str
    description: str
    source: str
    wait_states: int
    line_bytes: int
    instruction_lines: int
    data_lines: int
    prefetch: bool

    def __post_init__(self) -> None:
        if self.wait_states < 0 or self.line_bytes < 2 or self.line_bytes & (self.line_bytes - 1):
            raise FlashModelError(
                f"{self.name}: {self.wait_states} wait states and lines of {self.line_bytes} bytes; "
                "allowed: 0 or more, and a power of two from 2 on"
            )
        if not (0 <= self.instruction_lines <= MAX_LINES and 0 <= self.data_lines <= MAX_LINES):
            raise FlashModelError(
                f"{self.name}: {self.instruction_lines} instruction and {self.data_lines} data lines; "
                f"allowed: 0 to {MAX_LINES}"
            )

    @property
    def label(self) -> str:
        """What stands in the source of a cycle count: "ws=0" or "ws=5,stm32f405-art"."""
        return f"ws={self.wait_states},{self.name}" if self.wait_states else "ws=0"


def flash_model_names() -> list[str]:
    """All flash models, the fastest first."""
    models = [_read(path) for path in FOLDER.glob("*.toml")]
    return [model.name for model in sorted(models, key=lambda model: (model.wait_states > 0, model.name))]


def load_flash_model(name: str) -> FlashModel:
    """The flash model called `name`; FlashModelError suggests the nearest one."""
    names = flash_model_names()
    if name not in names:
        near = difflib.get_close_matches(name.lower(), names, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise FlashModelError(f"there is no flash model {name!r}; {hint}flash models: {', '.join(names)}")
    return _read(FOLDER / f"{name}.toml")


@cache
def _read(path: Path) -> FlashModel:
    return FlashModel(**tomllib.loads(path.read_text(encoding="utf-8")))
