"""The partial last batch as a full one with rows of padding: the same numbers, and one compiled step; elsewhere a step of its own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import caviar
from caviar import callbacks, layers, losses, metrics, models, ops
from caviar.graph import Input
from caviar.training import program, row_by_row
from caviar.training.padding import is_worthwhile

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.standard_normal((27, 4)).astype("float32"), RANDOM.integers(0, 3, 27)
IMAGES, TEXTS = RANDOM.standard_normal((27, 6, 6, 2)).astype("float32"), RANDOM.integers(0, 5, (27, 6))


def blocks():
    return [
        layers.Dense(8),
        layers.BatchNormalization(momentum=0.5),
        layers.ReLU(),
        layers.Dropout(0.3),
        layers.Dense(3, "softmax"),
    ]


def convolutions():
    return [
        layers.Conv2D(3, 3),
        layers.BatchNormalization(),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(3, "softmax"),
    ]


def words():
    masked = layers.Embedding(5, 4, mask_zero=True)
    return [masked, layers.BatchNormalization(), layers.LSTM(4), layers.GaussianNoise(0.1), layers.Dense(3, "softmax")]


def residual():
    x = Input((4,))
    h = layers.BatchNormalization()(layers.Dense(4, "tanh", kernel_regularizer="l2")(x))
    return models.Model(x, layers.Dense(3, "softmax")(x + h * 2.0))


PADDED = {
    "blocks": (blocks, X),
    "convolutions": (convolutions, IMAGES),
    "words": (words, TEXTS),
    "residual": (residual, X),
}


def trained(make, x, batch_size=10, epochs=2, **compiled):
    caviar.utils.set_random_seed(3)
    made = make()
    model = made if isinstance(made, models.Model) else models.Sequential(made)
    model.compile(
        **({"optimizer": "adam", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]} | compiled)
    )
    history = model.fit(x, Y, batch_size=batch_size, epochs=epochs, validation_data=(x[:18], Y[:18]), verbose=0)
    return model, history.history, model.evaluate(x, Y, batch_size=batch_size, verbose=0)


@pytest.mark.parametrize("case", PADDED)
def test_padding_changes_no_number(case, monkeypatch):
    with caviar.config.precision("float64"):
        make, x = PADDED[case]
        model, history, scores = trained(make, x)
        monkeypatch.setattr(row_by_row, "_OURS", ())
        alone, history_alone, scores_alone = trained(make, x)
    for padded, own in zip(model.get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_allclose(padded, own, rtol=1e-9, atol=1e-12)
    assert scores == pytest.approx(scores_alone, rel=1e-9)
    for name, values in history.items():
        assert values == pytest.approx(history_alone[name], rel=1e-9), name


class Centered(layers.Layer):
    def call(self, x):
        return x - x.mean(0)


class Centering(layers.Dense):
    def call(self, x):
        return super().call(x - x.mean(0))


class Stepping(models.Sequential):
    def train_step(self, step, batch):
        return super().train_step(step, batch)


def averaged():
    x = Input((4,))
    return models.Model(x, layers.Dense(3, "softmax")(x - ops.mean(x, axis=0)))


def summed():
    x = Input((4,))
    return models.Model(x, layers.Dense(3, "softmax")(ops.cumsum(x, axis=0)))


def residual():
    x = Input((4,))
    return models.Model(x, layers.Dense(3, "softmax")(x + layers.Dense(4)(x)))


MIXING = {
    "a layer of one's own": lambda: [Centered(), layers.Dense(3)],
    "a subclass of ours": lambda: [Centering(3)],
    "a function of one's own": lambda: [layers.Dense(3, activation=lambda x: x - x.mean(0))],
    "a lambda": lambda: [layers.Lambda(lambda x: x - x.mean(0)), layers.Dense(3)],
    "an operation": averaged,
    "an operation alone": summed,
    "an activity regularizer": lambda: [layers.Dense(3, activity_regularizer="l2")],
    "softmax over rows": lambda: [layers.Dense(3), layers.Softmax(axis=0)],
    "a step of one's own": lambda: Stepping([layers.Dense(3)]),
}


def recipe(make, **compiled):
    made = make()
    model = made if isinstance(made, models.Model) else models.Sequential(made)
    model.compile(**({"optimizer": "adam", "loss": "mse"} | compiled))
    outputs = jax.tree.leaves(model(X, training=False))
    return model.compiled_with.recipe(model, outputs, ["output"])


@pytest.mark.parametrize("case", MIXING)
def test_what_looks_at_several_rows_is_never_padded(case):
    assert not row_by_row.may_be_padded(recipe(MIXING[case]))


def test_a_sum_of_values_of_the_same_row_is_padded():
    assert row_by_row.may_be_padded(recipe(residual))


@pytest.mark.parametrize(
    "compiled",
    [
        {"loss": lambda y, p: jnp.mean((y - p) ** 2)},
        {"loss": losses.Dice()},
        {"metrics": [lambda y, p: jnp.mean(y - p)]},
    ],
)
def test_losses_and_metrics_of_ones_own_are_never_padded(compiled):
    assert not row_by_row.may_be_padded(recipe(lambda: [layers.Dense(3)], **compiled))
    assert row_by_row.may_be_padded(
        recipe(lambda: [layers.Dense(3)], metrics=[metrics.AUC(), "mae", metrics.R2Score()])
    )


def test_a_mean_over_rows_of_ones_own_sees_real_rows_only():
    """Its last batch has seven rows; a padded one would have another mean."""
    model, _, _ = trained(lambda: [Centered(), layers.Dense(3, "softmax")], X, epochs=1)
    weights = model.get_weights()
    again, _, _ = trained(lambda: [layers.Lambda(lambda x: x - x.mean(0)), layers.Dense(3, "softmax")], X, epochs=1)
    np.testing.assert_array_equal(again.get_weights()[0], weights[0])


def test_a_pace_of_batches_pads_as_whole_epochs_do():
    def of(*given):
        caviar.utils.set_random_seed(5)
        model = models.Sequential(blocks())
        model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
        model.fit(X, Y, batch_size=10, epochs=2, verbose=0, callbacks=list(given))
        return model.get_weights()

    seen = []
    by_batch = of(callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch)))
    assert seen == [0, 1, 2] * 2
    for one, other in zip(of(), by_batch, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("rows", "padded"), [(27, True), (20, False), (9, True), (7, False), (11, False), (81, True)])
def test_padding_is_worthwhile_where_it_costs_little_of_a_pass(rows, padded):
    assert is_worthwhile(rows, 10) == padded


@pytest.mark.parametrize(("make", "steps"), [(blocks, 1), (lambda: [Centered(), layers.Dense(3)], 2)])
def test_a_padded_program_holds_one_step(make, steps, monkeypatch):
    traced = []
    train_batch = program.train_batch
    monkeypatch.setattr(program, "train_batch", lambda *given: traced.append(given) or train_batch(*given))
    trained(make, X, epochs=1, optimizer=caviar.optimizers.SGD(momentum=0.5))
    assert len(traced) == steps
