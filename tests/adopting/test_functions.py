"""Functions of parameters, and modules of other libraries, adopted: they compute what they compute, and learn here."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import caviar
from caviar import LogUniform
from caviar.errors import ArgumentError
from caviar.optimizers import SGD, Adam

rng = np.random.default_rng(0)
X = rng.normal(size=(48, 4)).astype(np.float32)
Y = (X @ [1.0, -2.0, 0.5, 3.0])[:, None].astype(np.float32)
LINE = {"w": np.zeros((4, 1), np.float32), "b": 0.0}


def line(params: Any, x: Any) -> Any:
    return x @ params["w"] + params["b"]


def test_a_function_learns_as_the_same_network_of_ours() -> None:
    ours = caviar.Sequential([caviar.Input((4,)), caviar.layers.Dense(1, kernel_initializer="zeros")])
    theirs = caviar.adopt(line, LINE)
    for model in (ours, theirs):
        model.compile(SGD(0.1), "mse", metrics=["mae"])
    found = [m.fit(X, Y, epochs=3, shuffle=False, verbose=0).history for m in (ours, theirs)]
    for name in ("loss", "mae"):
        assert found[0][name] == pytest.approx(found[1][name], rel=1e-5)
    np.testing.assert_allclose(theirs.params["w"], ours.get_weights()[0], rtol=1e-5)
    np.testing.assert_allclose(theirs.predict(X, verbose=0), line(theirs.params, X), rtol=1e-6)
    assert LINE["b"] == 0.0  # what was given is never touched


def test_a_population_of_them_is_searched() -> None:
    model = caviar.adopt(line, LINE)
    model.compile(Adam(LogUniform(1e-3, 1.0)), "mse")
    study = caviar.search(model, X, Y, trials=4, epochs=3, seed=0, verbose=0)
    best = study.best_model
    assert best.evaluate(X, Y, verbose=0) < float((Y**2).mean())
    assert float(model.params["b"]) == 0.0


def test_state_is_kept_and_what_it_asks_for_is_given() -> None:
    def noisy(params: Any, state: Any, x: Any, training: bool = False, rng: Any = None) -> Any:
        if training:
            x, state = x + jax.random.normal(rng, x.shape), state + 1
        return x @ params, state

    model = caviar.adopt(noisy, LINE["w"], jnp.zeros((), jnp.int32))
    model.compile("sgd", "mse")
    model.fit(X, Y, epochs=2, verbose=0)
    assert int(model.state) == 4
    np.testing.assert_allclose(model.predict(X, verbose=0), X @ model.params, rtol=1e-5)
    assert int(model.state) == 4


def test_what_cannot_be_adopted_is_told() -> None:
    with pytest.raises(ArgumentError, match=r"without its parameters: adopt\(function, params\)"):
        caviar.adopt(line)
    with pytest.raises(ArgumentError, match="a model of Keras, Flax or Equinox, or a function"):
        caviar.adopt(3)
    with pytest.raises(ArgumentError, match="is adopted already"):
        caviar.adopt(caviar.adopt(line, LINE))
    with pytest.raises(ArgumentError, match=r"compile\(optimizer, loss\)"):
        caviar.adopt(line, LINE, optimizer="adam")


def test_linen_with_batch_statistics_and_dropout() -> None:
    nn = pytest.importorskip("flax.linen")

    class Net(nn.Module):
        @nn.compact
        def __call__(self, x: Any, train: bool = False) -> Any:
            x = nn.BatchNorm(use_running_average=not train)(nn.Dense(8)(x))
            return nn.Dense(1)(nn.Dropout(0.2, deterministic=not train)(x))

    module = Net()
    model = caviar.adopt(module, module.init(jax.random.key(0), X[:1]))
    model.compile(Adam(0.05), "mse")
    before = model.evaluate(X, Y, verbose=0)
    model.fit(X, Y, epochs=10, verbose=0)
    assert model.evaluate(X, Y, verbose=0) < before
    assert float(jnp.abs(model.state["batch_stats"]["BatchNorm_0"]["mean"]).max()) > 0
    outputs = module.apply({"params": model.params, **model.state}, X)
    np.testing.assert_allclose(model.predict(X, verbose=0), outputs, rtol=1e-4, atol=1e-6)


def test_equinox_computes_row_by_row() -> None:
    eqx = pytest.importorskip("equinox")
    module = eqx.nn.MLP(4, 1, 8, 1, key=jax.random.key(0))
    model = caviar.adopt(module)
    np.testing.assert_allclose(model.predict(X, verbose=0), jax.vmap(module)(X), rtol=1e-5)
    model.compile(Adam(0.05), "mse")
    losses = model.fit(X, Y, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    np.testing.assert_allclose(jax.vmap(model.params)(X), model.predict(X, verbose=0), rtol=1e-4, atol=1e-6)


def test_nnx_keeps_its_weights_itself() -> None:
    nnx = pytest.importorskip("flax.nnx")

    class Net(nnx.Module):  # type: ignore[misc]
        def __init__(self, rngs: Any):
            self.inner, self.norm = nnx.Linear(4, 8, rngs=rngs), nnx.BatchNorm(8, rngs=rngs)
            self.dropout, self.outer = nnx.Dropout(0.2, rngs=rngs), nnx.Linear(8, 1, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            return self.outer(self.dropout(nnx.relu(self.norm(self.inner(x)))))

    module = Net(nnx.Rngs(0))
    before = np.asarray(module.norm.mean[...]).copy()
    model = caviar.adopt(module)
    model.compile(Adam(0.05), "mse")
    losses = model.fit(X, Y, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    module.eval()
    np.testing.assert_allclose(model.predict(X, verbose=0), module(X), rtol=1e-4, atol=1e-6)
    assert np.abs(np.asarray(module.norm.mean[...]) - before).max() > 0
    model.compile(Adam(LogUniform(1e-3, 1e-1)), "mse")
    best, trained = caviar.search(model, X, Y, trials=2, epochs=1, seed=0, verbose=0).best_model, module(X)
    best.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(module(X), trained)
    np.testing.assert_allclose(best.give_back()(X), best.predict(X, verbose=0), rtol=1e-4, atol=1e-6)
