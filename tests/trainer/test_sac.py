"""The lean gradient step computes what Stable-Baselines3's does."""

import numpy as np
import pytest
import torch
from stable_baselines3 import SAC

from ganglion.trainer.calibration import BitWidths, calibrate
from ganglion.trainer.compression import sparsify
from ganglion.trainer.environments import make_env
from ganglion.trainer.pruning import prune
from ganglion.trainer.sac import LeanSAC


def _model(algorithm, **changes):
    torch.manual_seed(0)
    model = algorithm(
        "MlpPolicy",
        make_env("Pendulum-v1", 0),
        learning_starts=100,
        buffer_size=500,
        batch_size=64,
        seed=0,
        device="cpu",
        policy_kwargs={"net_arch": [32, 32]},
        **changes,
    )
    return model.learn(100)


@pytest.mark.parametrize("changes", [{}, {"ent_coef": 0.2}])
def test_one_update_equals_stable_baselines(changes):
    """One update leaves the same parameters, entropy coefficient and target; only float32 rounding may differ."""
    models = [_model(SAC, **changes), _model(LeanSAC, **changes)]
    for model in models:
        torch.manual_seed(1)
        np.random.seed(1)
        model.train(gradient_steps=1, batch_size=64)
    reference, lean = (model.policy.state_dict() for model in models)
    for name, value in reference.items():
        # Adam's first step is lr * sign(gradient): where a gradient is rounding noise its sign is too.
        close = (value - lean[name]).abs() <= 1e-6 + 1e-5 * value.abs()
        assert close.float().mean() >= 0.999, name
    if "ent_coef" not in changes:
        assert torch.allclose(models[0].log_ent_coef, models[1].log_ent_coef, atol=1e-7)


def test_critic_is_trainable_after_the_actor_step():
    """Freezing the critic for the actor's gradient must not outlast the step."""
    model = _model(LeanSAC)
    before = [p.clone() for p in model.critic.parameters()]
    model.train(gradient_steps=2, batch_size=64)
    assert all(p.requires_grad for p in model.critic.parameters())
    assert all((p != q).any() for p, q in zip(model.critic.parameters(), before, strict=True))


def test_state_dependent_exploration_is_refused():
    with pytest.raises(ValueError, match="use SAC"):
        LeanSAC("MlpPolicy", make_env("Pendulum-v1"), use_sde=True, device="cpu")


@pytest.mark.parametrize("quantised", [False, True])
def test_sparse_layers_follow_every_update(quantised):
    """Layers keep their masked and rounded weights between updates; each update must renew them."""
    model = _model(LeanSAC)
    layers = sparsify(model.actor)
    for layer in layers:
        prune(layer, 0.5, model.actor.optimizer)
    if quantised:
        calibrate(layers[:-1], torch.as_tensor(model.replay_buffer.observations[:100, 0]), BitWidths())
    for _ in range(3):
        before = [layer.in_use()[1].clone() for layer in layers]
        model.learning_rate = 0.05
        model._setup_lr_schedule()
        model.train(gradient_steps=1, batch_size=64)
        for layer, bias in zip(layers, before, strict=True):
            assert not torch.equal(layer.in_use()[1], bias)
            if layer.quantiser is None:
                assert torch.equal(layer.in_use()[0], layer.weight * layer.mask)
            else:
                codes, _, exponents = layer.codes()
                assert torch.equal(layer.in_use()[0], torch.ldexp(codes, exponents[:, None]))
