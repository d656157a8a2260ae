"""Learning rates that follow the number of steps, as nodes: `global_step` is a variable that `minimize` counts in."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from caviar import config
from caviar.dialects.tensorflow.building import writes

Array = Any


def _periods(global_step: Array, decay_steps: Array, staircase: bool = False) -> Array:
    passed = jnp.asarray(global_step).astype(config.floatx()) / decay_steps
    return jnp.floor(passed) if staircase else passed


@writes
def exponential_decay(
    learning_rate: Array, global_step: Array, decay_steps: Array, decay_rate: Array, staircase: bool = False
) -> Array:
    """learning_rate * decay_rate ^ (step / decay_steps), in steps with `staircase`.

    >>> from caviar.dialects.tensorflow.train import exponential_decay
    >>> exponential_decay(0.1, 100, 100, 0.96).shape
    ()
    """
    return learning_rate * jnp.power(decay_rate, _periods(global_step, decay_steps, staircase))


@writes
def natural_exp_decay(
    learning_rate: Array, global_step: Array, decay_steps: Array, decay_rate: Array, staircase: bool = False
) -> Array:
    """learning_rate * exp(-decay_rate * step / decay_steps)."""
    return learning_rate * jnp.exp(-decay_rate * _periods(global_step, decay_steps, staircase))


@writes
def inverse_time_decay(
    learning_rate: Array, global_step: Array, decay_steps: Array, decay_rate: Array, staircase: bool = False
) -> Array:
    """learning_rate / (1 + decay_rate * step / decay_steps)."""
    return learning_rate / (1 + decay_rate * _periods(global_step, decay_steps, staircase))


@writes
def polynomial_decay(
    learning_rate: Array,
    global_step: Array,
    decay_steps: Array,
    end_learning_rate: Array = 0.0001,
    power: Array = 1.0,
) -> Array:
    """From learning_rate to end_learning_rate in `decay_steps` steps, and no further."""
    left = 1 - jnp.minimum(_periods(global_step, decay_steps), 1)
    return (learning_rate - end_learning_rate) * left**power + end_learning_rate


@writes
def cosine_decay(learning_rate: Array, global_step: Array, decay_steps: Array, alpha: Array = 0.0) -> Array:
    """From learning_rate to alpha * learning_rate along half a cosine."""
    wave = (1 + jnp.cos(jnp.pi * jnp.minimum(_periods(global_step, decay_steps), 1))) / 2
    return learning_rate * ((1 - alpha) * wave + alpha)


@writes
def piecewise_constant(x: Array, boundaries: Any, values: Any) -> Array:
    """values[0] up to and with boundaries[0], values[1] up to boundaries[1], ..., the last value beyond.

    >>> from caviar.dialects.tensorflow.train import piecewise_constant
    >>> piecewise_constant(5, [10, 20], [0.1, 0.01, 0.001]).shape
    ()
    """
    passed = sum(jnp.asarray(x) > b for b in boundaries)
    return jnp.stack([jnp.asarray(v) for v in values])[passed]
