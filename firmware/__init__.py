"""What runs on the microcontroller and how it gets there."""
