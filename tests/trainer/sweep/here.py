"""An engine that works in this process and says what it started."""

from ganglion.trainer.engines import HereEngine


class Here(HereEngine):
    """`before` is called with every run before it is worked at."""

    def __init__(self, work, before=lambda run: None):
        super().__init__(work)
        self.started, self._before = [], before

    def start(self, run):
        self.started.append(run.name)
        self._before(run)
        super().start(run)
