"""Benchmarks: what kernels and their peers cost, counted in the same run and in the same way."""
