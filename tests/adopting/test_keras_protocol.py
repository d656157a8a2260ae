"""The protocol by which Keras' models are adopted, with a model that follows it and nothing else: Keras need not be installed."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compiles import compiles

import caviar
from caviar import LogUniform
from caviar.errors import ArgumentError

X = np.linspace(-1, 1, 24, dtype=np.float32)[:, None]
Y = 3 * X


class Variable:
    def __init__(self, value: Any, path: str = "variable"):
        self.value, self.path = jnp.asarray(value), path

    def assign(self, value: Any) -> None:
        self.value = jnp.asarray(value, self.value.dtype)


class Mean:
    """The mean of the losses: a metric with two variables."""

    name = "loss"

    def __init__(self) -> None:
        self.variables = [Variable(0.0), Variable(0.0)]

    def stateless_reset_state(self) -> Any:
        return [jnp.zeros(()), jnp.zeros(())]

    def stateless_result(self, values: Any) -> Any:
        return values[0] / values[1]


class Descent:
    """Gradient descent that counts its steps."""

    built, use_ema = True, False

    def __init__(self, rate: float):
        self._learning_rate, self.iterations = Variable(rate), Variable(0)
        self.variables = [self.iterations, self._learning_rate]

    def stateless_apply(self, state: Any, gradients: Any, weights: Any) -> Any:
        return [w - state[1] * g for w, g in zip(weights, gradients, strict=True)], [state[0] + 1, state[1]]

    def scale_loss(self, loss: Any) -> Any:
        return loss


class Slope:
    """y = slope * x, and how often it was called in training."""

    name, built, compiled, _call_has_training_arg, output_names = "slope", True, True, True, None

    def __init__(self) -> None:
        self.slope, self.calls = Variable(0.0, "slope"), Variable(0, "calls")
        self.optimizer, self.metrics = Descent(0.1), [Mean()]
        self.trainable_variables, self.non_trainable_variables = [self.slope], [self.calls]
        self.variables = [self.slope, self.calls]

    def stateless_call(
        self, learned: Any, kept: Any, x: Any, training: bool = False, return_losses: bool = False
    ) -> Any:
        kept = [kept[0] + 1] if training else kept
        return (learned[0] * x, kept, []) if return_losses else (learned[0] * x, kept)

    def _loss(self, learned: Any, kept: Any, data: Any, training: bool) -> Any:
        x, y = data
        outputs, kept = self.stateless_call(learned, kept, x, training=training)
        return ((outputs - y) ** 2).mean(), kept

    def train_step(self, state: Any, data: Any) -> Any:
        learned, kept, optimizer, metrics = state
        (loss, kept), gradients = jax.value_and_grad(self._loss, has_aux=True)(learned, kept, data, True)
        learned, optimizer = self.optimizer.stateless_apply(optimizer, gradients, learned)
        metrics = self._counted(metrics, loss, data)
        return {"loss": loss}, (learned, kept, optimizer, metrics)

    def test_step(self, state: Any, data: Any) -> Any:
        learned, kept, metrics = state
        loss, kept = self._loss(learned, kept, data, False)
        return {"loss": loss}, (learned, kept, self._counted(metrics, loss, data))

    def _counted(self, metrics: Any, loss: Any, data: Any) -> Any:
        rows = len(data[0])
        return [metrics[0] + loss * rows, metrics[1] + rows]

    def _symbolic_build(self, data_batch: Any) -> None:
        pass

    def _flatten_metrics_in_order(self, logs: Any) -> Any:
        return logs["loss"]


def test_it_learns_and_everything_flows_back() -> None:
    model = Slope()
    adopted = caviar.adopt(model)
    found = adopted.fit(X, Y, batch_size=10, epochs=4, validation_split=0.25, verbose=0).history
    assert list(found) == ["loss", "val_loss"]
    assert found["loss"][-1] < found["loss"][0]
    assert [int(model.calls.value), int(model.optimizer.iterations.value)] == [8, 8]
    assert adopted.evaluate(X, Y, verbose=0) == pytest.approx(
        float(((model.slope.value - 3) * X**2 * (model.slope.value - 3)).mean())
    )
    np.testing.assert_allclose(adopted.predict(X, verbose=0), model.slope.value * X, rtol=1e-6)


def test_both_sides_may_set_the_learning_rate() -> None:
    model = Slope()
    adopted = caviar.adopt(model)
    model.optimizer._learning_rate.assign(0.0)
    adopted.fit(X, Y, verbose=0)
    assert float(model.slope.value) == 0.0
    adopted.optimizer.learning_rate = 0.25
    adopted.fit(X, Y, verbose=0)
    assert float(model.slope.value) != 0.0
    assert float(model.optimizer._learning_rate.value) == 0.25
    assert int(model.optimizer.iterations.value) == 2


def test_weights_set_by_hand_are_seen() -> None:
    model = Slope()
    adopted = caviar.adopt(model)
    model.slope.assign(2.0)
    assert float(adopted.predict(X[-1:], verbose=0)[0, 0]) == 2.0


def test_an_optimizer_of_ours_stands_in_for_its_own() -> None:
    model = Slope()
    adopted = caviar.adopt(model, optimizer=caviar.optimizers.SGD(LogUniform(1e-2, 1.0)))
    study = caviar.search(adopted, X, Y, trials=4, epochs=3, seed=0, verbose=0)
    assert float(model.slope.value) == 0.0
    assert float(study.best_model.give_back().slope.value) > 1.0
    assert int(model.optimizer.iterations.value) == 0


def test_an_interrupted_training_keeps_what_it_learned() -> None:
    class Stop(caviar.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 2:
                raise KeyboardInterrupt

    model = Slope()
    with pytest.raises(KeyboardInterrupt):
        caviar.adopt(model).fit(X, Y, epochs=9, verbose=0, callbacks=[Stop()])
    assert int(model.optimizer.iterations.value) == 3
    assert float(model.slope.value) > 0


def test_another_backend_is_told() -> None:
    model = Slope()
    model.slope.value = np.zeros(())  # type: ignore[assignment]
    with pytest.raises(ArgumentError, match=r"computes with numpy.*KERAS_BACKEND"):
        caviar.adopt(model)


def test_the_second_fit_compiles_and_traces_nothing() -> None:
    model = Slope()
    adopted = caviar.adopt(model)
    given = {"batch_size": 12, "epochs": 2, "verbose": 0}
    for _ in range(2):  # the state of the first run is another kind of array than Keras' own
        adopted.fit(X, Y, **given)
    model.train_step = None  # type: ignore[assignment, method-assign]
    with compiles() as count:
        adopted.fit(X, Y, **given)
    assert count() == 0
