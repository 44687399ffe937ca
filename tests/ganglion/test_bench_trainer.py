"""The trainer suite measures every way to train, and trains while it does."""

import pytest

from ganglion.bench import trainer
from ganglion.bench.trainer import PLAIN, measure_trainer, trainer_table


def test_every_way_is_measured_against_the_library(monkeypatch):
    models = trainer._ways()
    monkeypatch.setattr(trainer, "_ways", lambda: models)
    updates = {way: model._n_updates for way, model in models.items()}
    rows = {row.way: row for row in measure_trainer(rounds=1, updates=2)}
    assert [rows[way].batch_size for way in models] == [256, 256, 256, 256, 128, 64]
    assert all(model._n_updates == updates[way] + 4 for way, model in models.items())
    assert (rows[PLAIN].relative_speed, rows[PLAIN].loop_speed) == (1.0, 1.0)
    assert [way for way, row in rows.items() if row.overhead is None] == [
        PLAIN, "lean", "fast: smaller batch, masks", "fastest: smaller batch, masks"
    ]  # fmt: skip
    for row in rows.values():
        assert row.updates_per_cpu_s == pytest.approx(1e3 / row.update_ms, rel=0.01)
    assert trainer_table(list(rows.values())).row_count == len(models)


def test_what_is_pruned_and_what_is_in_integers():
    models = trainer._ways()
    zeros = {way: float((model.actor.latent_pi[2].weight == 0).float().mean()) for way, model in models.items()}
    assert {way for way, share in zeros.items() if share > 0.9} == {way for way in models if "masks" in way}
    quantised = {way for way, model in models.items() if getattr(model.actor.mu, "quantiser", None) is not None}
    assert quantised == {"lean, masks and integers"}
