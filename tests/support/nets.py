"""The nets that cycle and size figures are quoted for."""

from ganglion.bench.nets import erk_net

__all__ = ["erk_net"]
