"""Training: the only part of the project that imports torch and Stable-Baselines3."""
