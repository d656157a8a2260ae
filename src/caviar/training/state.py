"""The run: the whole state of one training, as one pytree."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from caviar import config

Statistics = dict[str, Any]
"""What is counted of an epoch so far: of the loss, and of every metric by its name."""


class Run(NamedTuple):
    """Everything that training changes. What it does not change (structure, numbers, data) is not here."""

    trainable: list[jax.Array]
    fixed: list[jax.Array]  # layer state and frozen weights
    optimizer: Any
    rules: Any  # early stopping, plateaus
    keys: Any  # [0] shuffles, [1] draws dropout and noise
    order: jax.Array  # the rows of this epoch, in the order in which they are used
    rate: jax.Array  # factor on the learning rate, set by plateau rules
    step: jax.Array
    epoch: jax.Array
    position: Any  # steps of this epoch already taken
    stopped: jax.Array


class Weights(NamedTuple):
    """What scoring needs of a run."""

    trainable: list[jax.Array]
    fixed: list[jax.Array]


def first_run(
    trainable: list[Any], fixed: list[Any], optimizer: Any, rules: Any, keys: jax.Array, epoch: Any, rows: int
) -> Run:
    """The run before its first step. Every leaf is strongly typed, or the second call of the program would compile again."""
    zero = jnp.zeros((), jnp.int32)
    return Run(
        trainable=list(trainable),
        fixed=list(fixed),
        optimizer=optimizer,
        rules=rules,
        keys=keys,
        order=jnp.zeros((rows,), jnp.int32),
        rate=jnp.ones((), config.floatx()),
        step=zero,
        epoch=jnp.asarray(epoch, jnp.int32),
        position=zero,
        stopped=jnp.zeros((), bool),
    )
