"""Soft actor-critic with a gradient step that leaves out what Stable-Baselines3 computes for nothing."""
