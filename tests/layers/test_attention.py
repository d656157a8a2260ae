"""What attention, embedding and masking promise. Their contracts are held in test_recurrent_attention.py."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from caviar import config
from caviar.graph import evaluate
from caviar.layers import attention, embedding
from caviar.parts import take_apart


def normal(*shape, seed=0):
    return np.random.default_rng(seed + sum(shape)).normal(size=shape).astype(config.floatx())


def test_masked_keys_are_as_if_absent():
    q, v = normal(2, 4, 6), normal(2, 5, 6)
    for layer, given in ((attention.MultiHeadAttention(2, 3), "value_mask"), (attention.Attention(), "mask")):
        mask = np.array([[True, True, True, False, False]] * 2)
        arguments = (q, v) if given == "value_mask" else ([q, v],)
        shorter = (q, v[:, :3]) if given == "value_mask" else ([q, v[:, :3]],)
        y = layer(*arguments, **{given: mask if given == "value_mask" else [np.ones((2, 4), bool), mask]})
        np.testing.assert_allclose(y, layer(*shorter), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "layer", [attention.MultiHeadAttention(2, 3), attention.Attention(), attention.AdditiveAttention()], ids=repr
)
def test_causal_attention_does_not_see_the_future(layer):
    x = normal(2, 4, 6)
    changed = x + np.array([0, 0, 1, 1], "float32")[:, None]
    call = (
        (lambda x: layer(x, x, use_causal_mask=True))
        if layer.supports_masking
        else (lambda x: layer([x, x], use_causal_mask=True))
    )
    np.testing.assert_allclose(call(x)[:, :2], call(changed)[:, :2], rtol=1e-5, atol=1e-6)
    assert not np.allclose(call(x)[:, 2:], call(changed)[:, 2:])


def test_attention_scores_sum_to_one_over_what_is_allowed():
    layer, x = attention.MultiHeadAttention(2, 3), normal(2, 4, 6)
    allowed = np.tri(4, dtype=bool)[None].repeat(2, 0)
    y, weights = layer(x, x, attention_mask=allowed, return_attention_scores=True)
    assert weights.shape == (2, 2, 4, 4)
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-6)
    np.testing.assert_array_equal(weights * ~allowed[:, None], 0)
    np.testing.assert_allclose(y, layer(x, x, use_causal_mask=True), rtol=1e-5, atol=1e-6)


def test_a_masked_query_attends_to_nothing_and_changes_no_other():
    layer, x = attention.MultiHeadAttention(1, 2, kernel_initializer="ones"), [[[0.1, 0.4], [0.9, -0.3], [-0.5, 0.7]]]
    mask = np.array([[True, False, True]])
    _, weights = layer(jnp.array(x), jnp.array(x), query_mask=mask, return_attention_scores=True)
    # The first and the last row are those of keras.layers.MultiHeadAttention, Keras 3.15.1.
    expected = [[0.3469657863, 0.3723881986, 0.2806460151], [0, 0, 0], [0.3392894976, 0.3490230582, 0.3116874442]]
    np.testing.assert_allclose(weights[0, 0], expected, rtol=1e-5)


def test_attention_over_chosen_axes():
    x = normal(2, 3, 4, 6)
    rows = attention.MultiHeadAttention(2, 3, attention_axes=2)
    y = rows(x, x)
    np.testing.assert_allclose(y[:, 1], rows(x[:, 1:2], x[:, 1:2])[:, 0], rtol=1e-5, atol=1e-6)
    everything = attention.MultiHeadAttention(2, 3)
    y = everything(x, x)
    flat = x.reshape(2, 12, 6)
    again = attention.MultiHeadAttention(2, 3)
    again(flat, flat)
    again.set_weights(everything.get_weights())
    np.testing.assert_allclose(y.reshape(2, 12, 6), again(flat, flat), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("layer", [attention.Attention(dropout=0.5), attention.MultiHeadAttention(2, 3, dropout=0.5)])
def test_attention_dropout_is_on_while_training(layer):
    x = normal(2, 4, 6)
    call = (lambda **k: layer(x, x, **k)) if layer.supports_masking else (lambda **k: layer([x, x], **k))
    np.testing.assert_array_equal(call(), call())
    assert not np.allclose(call(), call(training=True))


# Embedding and masking


def test_embedding_picks_rows_and_trains_them():
    layer = embedding.Embedding(4, 2)
    indices = jnp.array([[1, 3], [1, 3]])
    y = layer(indices)
    np.testing.assert_array_equal(y, layer.embeddings.numpy()[[[1, 3], [1, 3]]])
    structure = take_apart(layer).structure
    d = jax.grad(lambda w: evaluate(structure, [], [w], call=lambda copy: copy(indices)).outputs.sum())(
        layer.embeddings.value
    )
    assert d.tolist() == [[0, 0], [2, 2], [0, 0], [2, 2]]
    np.testing.assert_array_equal(layer(indices.astype("float32")), y)


def test_masks_of_embedding_and_masking():
    assert embedding.Embedding(4, 2, mask_zero=True).compute_mask(jnp.array([[1, 0]])).tolist() == [[True, False]]
    assert embedding.Embedding(4, 2).compute_mask(jnp.array([[1, 0]])) is None
    x = jnp.array([[[0.0, 1.0], [2.0, 2.0]]])
    assert embedding.Masking(2.0).compute_mask(x).tolist() == [[True, False]]
