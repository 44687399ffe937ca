"""Reinforcement-learning policies as a few kilobytes of integer code."""

__version__ = "0.1.0"
