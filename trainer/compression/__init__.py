"""What makes a network small: masks, integer arithmetic in training, and the way out to integers."""
