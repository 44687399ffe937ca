import pytest

from ganglion.codegen.policy import Policy
from tests.support.policies import random_policy


@pytest.fixture(scope="module")
def hopper_like() -> Policy:
    """11-64-64-3 at 90 %, with the tanh head."""
    return random_policy()
