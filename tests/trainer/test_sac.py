"""The lean gradient step computes what Stable-Baselines3's does."""

import numpy as np
import pytest
import torch
from stable_baselines3 import SAC

from ganglion.trainer.environments import make_env
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
