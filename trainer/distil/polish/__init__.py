"""Polishing: reinforcement learning on a finished student, in the very integers that it ships with.

settings      every hyperparameter
student       integers taken back into layers that learn
actor_critic  the student as Stable-Baselines3 sees it, beside a dense value function
polishing     the run itself: blocks of steps, a measurement after each, the best student of all
"""

from .polishing import Polished, polish
from .settings import PolishSettings, check_polish

__all__ = ["PolishSettings", "Polished", "check_polish", "polish"]
