"""Distillation: a trained dense policy teaches a sparse integer student on the student's own rollouts.

settings      every hyperparameter
fleet         environments in lock step, teacher and student share the wheel
labels        what the teacher would do, and how much each action matters to its critics
dataset       the observations met so far, with their labels
saliency      what each weight is worth
selection     which weights stay
compaction    neurons that nothing needs, dropped for good
learner       the student: updates, pruning, integer arithmetic
freezing      weights rounded for good in steps
distillation  the run itself
polish        a finished student trained on by reinforcement learning
verdict       the finished integers against their teacher
assignment    one student to make, as a task of an engine
spread        what several seeds gave
"""

from .distillation import Student, distil
from .settings import DistilError, Settings
from .verdict import Verdict, judge, measure_teacher

__all__ = ["DistilError", "Settings", "Student", "Verdict", "distil", "judge", "measure_teacher"]
