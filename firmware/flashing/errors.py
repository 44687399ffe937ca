"""The error that all ways of flashing share."""

from __future__ import annotations


class FlashError(RuntimeError):
    """An image that did not get onto a board; says what was found and what to do."""
