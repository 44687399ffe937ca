"""What tests of runs and their files share."""

import resource
from contextlib import contextmanager

import pytest


@pytest.fixture
def full_disk():
    """A disk on which no file grows beyond some bytes, for as long as the context lasts: real writes that fail."""

    @contextmanager
    def full(largest=0):
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return full
