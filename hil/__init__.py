"""Host in the loop: devices, rollouts, measurements, the report."""
