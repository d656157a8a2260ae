"""Initial weights: all of a network by one program, in which weights that are drawn alike stand once."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np

import caviar
from caviar import layers, models
from caviar.layers import weights
from caviar.layers.weights import Draw, initial_values


def dense(count, **given):
    return models.Sequential([layers.Input((4,)), *(layers.Dense(4, **given) for _ in range(count))])


def test_weights_drawn_together_are_those_drawn_one_by_one():
    caviar.utils.set_random_seed(1)
    model = models.Sequential([layers.Input((4,)), layers.Dense(4), layers.Dense(4, "relu"), layers.Dense(2)])
    variables, key = model.variables, jax.random.key(0)
    draw = Draw(variables)
    alone = jax.jit(lambda key: draw(key, draw.numbers))(key)
    for together, one in zip(initial_values(variables)(key), alone, strict=True):
        np.testing.assert_array_equal(together, one)


def test_layers_of_one_shape_differ_in_their_weights():
    kernels = [variable.numpy() for variable in dense(5).variables[::2]]
    assert all((one != other).any() for one, other in itertools.combinations(kernels, 2))


def test_a_deeper_network_of_equal_layers_draws_by_a_program_of_the_same_size(monkeypatch):
    sizes = []
    cached = weights.cached

    def seen(key, make, **given):
        program = cached(key, make, **given)

        def call(*args):
            sizes.append(len(program.lower(*args).as_text().splitlines()))
            return program(*args)

        return call

    monkeypatch.setattr(weights, "cached", seen)
    dense(3), dense(12)
    assert sizes[0] == sizes[1]


def test_an_initializer_of_ones_own_is_asked_for_every_weight():
    counter = itertools.count()
    model = dense(3, kernel_initializer=lambda key, shape, dtype: jnp.full(shape, float(next(counter)), dtype))
    assert len({float(variable.numpy()[0, 0]) for variable in model.variables[::2]}) == 3
