"""A small protocol, and an engine that finishes its runs at once."""

from dataclasses import replace

from ganglion.trainer.storage.folder import claim
from ganglion.trainer.storage.manifest import write_manifest
from ganglion.trainer.storage.result import Result, file_digest, write_result
from tests.trainer.test_train import SMALL

TINY = replace(SMALL, steps=300, evaluate_every=50, checkpoint_every=50)


def tiny(env_id):
    return replace(TINY, env_id=env_id)


def finish(run, mean=1.0):
    """Leave in the run's folder what it is for."""
    protocol = run.protocol
    claim(run.folder, protocol.described)
    if run.stop_before is not None:
        checkpoint = run.folder / f"step-{run.steps:09d}"
        checkpoint.mkdir(parents=True, exist_ok=True)
        write_manifest(checkpoint)
        return
    returns = [mean - 1, mean + 1]
    about = (protocol.algorithm, protocol.env_id, protocol.seed, protocol.sparsity, protocol.quantised)
    policy = run.folder / "actor.safetensors"
    policy.write_bytes(b"policy")
    shared = run.beginning is not None
    write_result(run.folder, Result(*about, 1, 1, returns, None, None, shared, policy.name, file_digest(policy)))


class Instant:
    """Ends every run at once: `fails` names those that tell an error, `leaves_nothing` those that tell none and leave
    nothing; the others finish."""

    def __init__(self, slots=2, fails=(), leaves_nothing=()):
        self.slots, self.fails, self.leaves_nothing = slots, fails, leaves_nothing
        self.started, self.ended, self.closed = [], [], False

    def start(self, run):
        self.started.append(run.name)
        self.ended.append(run)
        assert len(self.ended) <= self.slots
        if run.name not in (*self.fails, *self.leaves_nothing):
            finish(run)

    def wait(self, timeout_s):
        run = self.ended.pop(0)
        return [(run, "it broke" if run.name in self.fails else None)]

    def close(self):
        self.closed = True
