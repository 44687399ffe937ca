"""What a run writes and reads again: whole files, verified checkpoints, curves and results."""
