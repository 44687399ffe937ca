"""Reinforcement learning on a policy that already works: proximal policy optimisation around its actions.

settings      every hyperparameter
trainee       what is trained: a student in its integers, a teacher in float
actor_critic  the trainee as Stable-Baselines3 sees it, beside a dense value function
noise         for measurements of how much of it a policy stands
run           blocks of steps, a measurement after each, the best policy of all
"""

from .run import Reinforced, reinforce
from .settings import ReinforceError, ReinforceSettings, check_settings
from .trainee import Trainee

__all__ = ["ReinforceError", "ReinforceSettings", "Reinforced", "Trainee", "check_settings", "reinforce"]
