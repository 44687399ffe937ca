"""What pruning, rounding and distillation leave of a return, and what it took: actors of an environment side by side.

entries    actors of the zoo and of folders, with what their files tell
figure     return against sparsity, the published values beside them
"""

from __future__ import annotations

from .entries import Entry, collect
from .figure import draw_comparison

__all__ = ["Entry", "collect", "draw_comparison"]
