"""Initializers under TensorFlow 1's names, with its arguments, for `tf.get_variable`."""

from __future__ import annotations

from typing import Any

from caviar import initializers

__all__ = [
    "constant_initializer", "glorot_normal_initializer", "glorot_uniform_initializer", "ones_initializer",
    "orthogonal_initializer", "random_normal_initializer", "random_uniform_initializer", "truncated_normal_initializer",
    "variance_scaling_initializer", "zeros_initializer",
]  # fmt: skip

zeros_initializer, ones_initializer = initializers.Zeros, initializers.Ones
constant_initializer, orthogonal_initializer = initializers.Constant, initializers.Orthogonal
glorot_normal_initializer, glorot_uniform_initializer = initializers.GlorotNormal, initializers.GlorotUniform
variance_scaling_initializer = initializers.VarianceScaling


def random_normal_initializer(mean: float = 0.0, stddev: float = 1.0, seed: int | None = None) -> Any:
    """Normally distributed initial values, with standard deviation 1, as in TensorFlow 1.

    >>> from caviar.dialects.tensorflow import random_normal_initializer
    >>> random_normal_initializer()
    RandomNormal(stddev=1.0)
    """
    return initializers.RandomNormal(mean, stddev, seed)


def truncated_normal_initializer(mean: float = 0.0, stddev: float = 1.0, seed: int | None = None) -> Any:
    """Normally distributed initial values, none further than two standard deviations from the mean."""
    return initializers.TruncatedNormal(mean, stddev, seed)


def random_uniform_initializer(minval: float = 0.0, maxval: float = 1.0, seed: int | None = None) -> Any:
    """Initial values uniformly distributed in [minval, maxval)."""
    return initializers.RandomUniform(minval, maxval, seed)
