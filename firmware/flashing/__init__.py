"""How an image gets onto a board: through a debug probe, by a program of the user's choice, or onto the board's drive.

`flash` picks the way and does it; whoever calls it asks the device afterwards what it runs (hil/serial.py).
"""

from .errors import FlashError
from .flash import METHODS, flash, pick_method

__all__ = ["METHODS", "FlashError", "flash", "pick_method"]
