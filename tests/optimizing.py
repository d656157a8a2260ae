"""What the tests of the optimizers share: a quadratic, ways down it, and PyTorch's names."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from caviar import optimizers
from caviar.optimizers import Optimizer, schedules

TARGET = [np.array([[0.5, -1.0], [2.0, 0.3], [-0.7, 1.5]]), np.array([0.2, -0.4])]


def start(dtype: str = "float32") -> list[jax.Array]:
    return [jnp.full(t.shape, 1.0, dtype) for t in TARGET]


def slope(weights: list[jax.Array]) -> list[jax.Array]:
    """The gradient of half the squared distance from the target."""
    return [w - jnp.asarray(t, w.dtype) for w, t in zip(weights, TARGET, strict=True)]


def descend(optimizer: Optimizer, weights: Any, steps: int, gradient: Any = slope) -> tuple[Any, Any, Any]:
    """The weights and the state after so many steps, and the first weight after each of them."""
    step = jax.jit(lambda weights, state: optimizer.update(gradient(weights), state, weights))
    state, path = optimizer.init(weights), []
    for _ in range(steps):
        weights, state = step(weights, state)
        path.append(weights[0])
    return weights, state, path


def follow(optimizer: Optimizer, weight: Any, grads: Any) -> tuple[np.ndarray, Any]:
    """One weight after each of the given gradients, and the last state."""

    def step(carry: Any, g: jax.Array) -> Any:
        weights, state = optimizer.update([g], carry[1], carry[0])
        return (weights, state), weights[0]

    weights = [jnp.asarray(weight, float)]
    (_, state), path = jax.lax.scan(step, (weights, optimizer.init(weights)), jnp.asarray(grads, float))
    return np.asarray(path), state


TORCH_DEFAULTS = {
    "SGD": {"rate_inside": False},
    "Adagrad": {"initial_accumulator_value": 0.0, "epsilon": 1e-10, "epsilon_at": "outside"},
    "RMSprop": {"rho": 0.99, "epsilon": 1e-8, "epsilon_at": "outside", "rate_inside": False},
    "Adadelta": {"rho": 0.9, "epsilon": 1e-6},
    "Adam": {"epsilon": 1e-8, "epsilon_at": "outside"},
    "AdamW": {"epsilon": 1e-8, "epsilon_at": "outside", "weight_decay": 0.01},
    "Adamax": {"epsilon": 1e-8, "epsilon_at": "inside"},
    "Nadam": {"epsilon": 1e-8, "momentum_decay": 0.004},
    "Adafactor": {"epsilon_1": None, "epsilon_floor": True},
}


def from_torch(name: str, lr: Any, betas: Any = None, lr_decay: float = 0.0, **arguments: Any) -> Optimizer:
    """The optimizer that PyTorch means by these arguments."""
    name = {"NAdam": "Nadam"}.get(name, name)
    names = {"eps": "epsilon", **({"alpha": "rho"} if name == "RMSprop" else {})}
    given = {names.get(k, k): v for k, v in arguments.items()}
    if betas:
        given["beta_1"], given["beta_2"] = betas
    rate = schedules.InverseTimeDecay(lr, 1, lr_decay) if lr_decay else lr
    common = {"decoupled_weight_decay": name == "AdamW"}
    return getattr(optimizers, name)(rate, **{**common, **TORCH_DEFAULTS.get(name, {}), **given})
