"""Drawing inside a step: what is drawn for a place is a function of the key and the place alone, and looks like chance."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from caviar import dice
from caviar.dice import beside

bits, keep = jax.jit(dice.bits, static_argnames="shape"), jax.jit(dice.keep, static_argnames="shape")
normal, shuffled = jax.jit(dice.normal, static_argnames=("shape", "dtype")), jax.jit(dice.shuffled)
KEY = jax.random.key(7, impl="threefry2x32")
DRAWS = {"bits": bits, "keep": lambda key, shape: keep(key, 0.3, shape), "normal": normal}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
@pytest.mark.parametrize(
    ("shape", "larger"), [((5, 7), (9, 40)), ((3,), (8,)), ((4, 3, 5), (6, 3, 70)), ((2, 3, 4, 5), (4, 6, 8, 10))]
)
def test_a_place_draws_the_same_in_an_array_of_any_size(draw, shape, larger):
    inside = tuple(slice(n) for n in shape)
    np.testing.assert_array_equal(draw(KEY, shape), draw(KEY, larger)[inside])


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_a_member_draws_what_it_draws_alone(draw):
    keys = jax.random.split(KEY, 3)
    np.testing.assert_array_equal(jax.vmap(lambda key: draw(key, (4, 6)))(keys), [draw(key, (4, 6)) for key in keys])


def test_every_step_layer_and_draw_has_a_key_of_its_own():
    def of_a_step(step):
        return jnp.stack([beside(KEY, step, layer, draw) for layer in range(20) for draw in range(20)])

    keys = jax.random.key_data(jax.vmap(of_a_step)(jnp.arange(20)))
    assert len(np.unique(keys.reshape(-1, 2), axis=0)) == 8000


def test_the_numbers_that_a_key_gives_stay_the_same_from_version_to_version():
    assert bits(KEY, (2, 2)).tolist() == [[1047051914, 4088196286], [2218776568, 2306208600]]
    assert shuffled(KEY, jnp.arange(8), 0).tolist() == [2, 4, 7, 6, 5, 0, 3, 1]


@pytest.mark.parametrize("rate", [0.5, 0.1])
def test_what_is_dropped_looks_like_chance(rate):
    """Sums over all, rows, columns, and products of neighbours, of steps and of layers: all within five deviations."""
    keys = [beside(KEY, step, layer) for step in range(4) for layer in range(4)]
    masks = (
        np.stack([np.asarray(~keep(key, rate, (256, 512)), float) - rate for key in keys]) / (rate * (1 - rate)) ** 0.5
    )
    pairs = [
        masks[:, 1:] * masks[:, :-1],
        masks[..., 1:] * masks[..., :-1],
        masks[1:] * masks[:-1],
        masks[4:] * masks[:-4],
    ]
    pairs += [masks[..., 16:] * masks[..., :-16], masks[:, 1:, 1:] * masks[:, :-1, :-1]]
    for found in (masks, *pairs):
        assert abs(found.sum() / found.size**0.5) < 5
    for axis in (1, 2):
        sums = masks.sum(axis) / masks.shape[axis] ** 0.5
        assert abs(sums.var() - 1) < 5 * (2 / sums.size) ** 0.5


def test_rates_at_the_ends_keep_all_and_nothing():
    assert keep(KEY, 0.0, (9, 9)).all()
    assert not keep(KEY, 1.0, (9, 9)).any()
    assert keep(KEY, 0.5, ()).shape == ()


def test_normal_numbers_are_normal():
    drawn = np.asarray(normal(KEY, (400, 500)), float)
    deviations = [drawn.mean(), (drawn**2).mean() - 1, (drawn**3).mean(), (drawn**4).mean() - 3]
    assert (np.abs(deviations) < 5 * np.sqrt([1, 2, 15, 96]) / drawn.size**0.5).all()
    assert normal(KEY, (3,), "bfloat16").dtype == jnp.bfloat16


def test_every_order_is_as_likely_as_another():
    orders = jax.vmap(lambda epoch: shuffled(KEY, jnp.arange(4), epoch))(jnp.arange(960))
    _, counts = np.unique(orders, axis=0, return_counts=True)
    assert len(counts) == 24
    assert ((counts - 40) ** 2 / 40).sum() < 60  # chi squared of 23 degrees of freedom: once in 30,000
