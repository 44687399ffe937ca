"""What tests of runs and their files share."""

import resource
from contextlib import contextmanager

import pytest

from ganglion.trainer.train import train

from .left import left


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


@pytest.fixture(scope="module")
def few_episodes():
    """Runs are measured in two episodes at their end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ganglion.trainer.progress.FINAL_EPISODES", 2)
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory, few_episodes):
    """What the protocols' runs leave that are never stopped."""
    known = {}

    def leave(protocol):
        if protocol not in known:
            folder = tmp_path_factory.mktemp("whole")
            train(protocol, folder)
            known[protocol] = left(protocol, folder)
        return known[protocol]

    return leave
