"""What a policy tells of itself."""

from dataclasses import replace

import numpy as np
import pytest

from tests.support.policies import random_policy


@pytest.mark.parametrize(
    ("largest", "bits"), [(0, 2), (1, 2), (2, 3), (3, 3), (4, 4), (7, 4), (8, 5), (63, 7), (64, 8), (127, 8)]
)
def test_weight_bits_hold_the_largest_weight(largest, bits):
    policy = random_policy(shape=(3, 4, 2))
    for sign in (-1, 1):
        layers = [replace(layer, weights=np.zeros_like(layer.weights)) for layer in policy.layers]
        layers[-1].weights[1, 2] = sign * largest
        assert replace(policy, layers=tuple(layers)).weight_bits == bits
