"""What a policy costs on a core before there is firmware: cycles, bytes of flash, bytes of RAM (docs/kernels.md)."""

from .candidates import price_kernels
from .choice import Limits, choose
from .prices import MismatchError, Price, Span, price, price_kernel, price_plan
from .target import Target, target_of

__all__ = [
    "Limits", "MismatchError", "Price", "Span", "Target", "choose", "price", "price_kernel", "price_kernels",
    "price_plan", "target_of",
]  # fmt: skip
