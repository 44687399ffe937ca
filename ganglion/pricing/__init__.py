"""What a policy costs on a core before there is firmware: cycles, bytes of flash, bytes of RAM (docs/kernels.md)."""

from .prices import Price, price, price_plan
from .target import Target, target_of

__all__ = ["Price", "Target", "price", "price_plan", "target_of"]
