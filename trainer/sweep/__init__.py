"""Many runs of one protocol: planned, run side by side here or on a Ray cluster, gone on with, and drawn."""

from __future__ import annotations

from .plan import Axes, Run, plan_runs
from .runner import Outcome, State, sweep

__all__ = ["Axes", "Outcome", "Run", "State", "plan_runs", "sweep"]
