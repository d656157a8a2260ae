"""Any number of rows is answered by a few programs, exactly; a step on a batch traces nothing that was traced before."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

import jax
import numpy as np
import pytest
from compiles import compiles

import caviar
from caviar import engine
from caviar.errors import DataError, ShapeError
from caviar.layers import LSTM, BatchNormalization, Dense, Dropout, Embedding, Layer

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 4)).astype("float32")
Y = RNG.normal(size=(300, 1)).astype("float32")


def network() -> Any:
    model = caviar.Sequential([Dense(8, activation="relu"), BatchNormalization(), Dropout(0.5), Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    return model


class Centred(Layer):
    """Rows less their mean over the batch."""

    def call(self, x: Any) -> Any:
        return x - x.mean(0, keepdims=True)


class Counting(Layer):
    """Counts the rows that it has seen."""

    def build(self, input_shape: Any) -> None:
        self.seen = self.add_weight("seen", initializer="zeros", trainable=False)

    def call(self, x: Any) -> Any:
        self.seen = self.seen + x.shape[0]
        return x


def test_all_numbers_of_rows_share_a_few_programs() -> None:
    model = network()
    whole = model.predict(X, verbose=0)
    with compiles() as count:
        for rows in range(1, 300, 7):
            assert np.allclose(model.predict(X[:rows], verbose=0), whole[:rows], atol=1e-6)
    assert count() <= 5  # for 1, 2, 4, 8 and 16 rows; 32 are known
    with compiles() as count:
        for rows in range(1, 300, 11):
            model.predict(X[:rows], verbose=0)
    assert count() == 0


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 32, 33, 71])
def test_rows_that_mix_are_computed_in_the_batches_that_were_asked_for(rows: int) -> None:
    model = caviar.Sequential([Centred(), Dense(1, kernel_initializer="ones")])
    parts = [X[start : min(start + 32, rows)] for start in range(0, rows, 32)]
    wanted = np.concatenate([(part - part.mean(0)).sum(1, keepdims=True) for part in parts])
    assert np.allclose(model.predict(X[:rows], verbose=0), wanted, atol=1e-5)


def test_what_an_answer_counts_are_the_rows_there_are() -> None:
    model = caviar.Sequential([Counting()])
    model.predict(X[:37], verbose=0)
    assert float(model.layers[0].seen.value) == 37
    model.predict(X[:3], verbose=0)
    assert float(model.layers[0].seen.value) == 40


def test_a_stateful_layer_goes_on_where_it_stood() -> None:
    model = caviar.Sequential([caviar.Input(batch_shape=(2, None, 2)), LSTM(3, stateful=True)])
    x = RNG.normal(size=(2, 6, 2)).astype("float32")
    halves = [model.predict(part, batch_size=2, verbose=0) for part in (x[:, :3], x[:, 3:])]
    model.layers[0].reset_states()
    assert np.allclose(model.predict(x, batch_size=2, verbose=0), halves[1], atol=1e-6)


def test_a_second_step_on_a_batch_compiles_and_traces_nothing() -> None:
    model, traced = network(), []

    class Told(Layer):
        def call(self, x: Any) -> Any:
            traced.append(x.shape)
            return x

    model.add(Told())
    model.train_on_batch(X[:32], Y[:32])
    model.test_on_batch(X[:32], Y[:32])
    before = len(traced)
    with compiles() as count:
        for start in (32, 64, 96):
            model.train_on_batch(X[start : start + 32], Y[start : start + 32])
            model.test_on_batch(X[start : start + 32], Y[start : start + 32])
    assert (count(), len(traced)) == (0, before)


def test_steps_on_batches_are_those_of_a_fit() -> None:
    one, other = network(), network()
    for model in (one, other):
        model.pop(), model.pop(), model.add(Dense(1))  # no draws, so that both see the same
        model.build((None, 4))
    other.set_weights(one.get_weights())
    one.fit(X[:96], Y[:96], epochs=2, shuffle=False, verbose=0)
    for start in (0, 32, 64, 0, 32, 64):
        other.train_on_batch(X[start : start + 32], Y[start : start + 32])
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        assert np.allclose(a, b, atol=1e-6)
    assert int(other.last_run.step) == 6


def test_a_step_goes_on_from_weights_that_were_assigned_and_from_a_fit_between() -> None:
    model = network()
    model.train_on_batch(X[:32], Y[:32])
    kept = model.get_weights()
    model.train_on_batch(X[:32], Y[:32])
    model.fit(X[:64], Y[:64], epochs=1, verbose=0)
    assert int(model.last_run.step) == 4
    model.train_on_batch(X[:32], Y[:32])
    assert int(model.last_run.step) == 5
    model.set_weights(kept)
    logs = model.train_on_batch(X[:32], Y[:32], return_dict=True)
    assert set(logs) == {"loss", "mae"}
    assert not np.array_equal(model.get_weights()[0], kept[0])
    model.compile("sgd", "mse")  # begins anew
    model.train_on_batch(X[:32], Y[:32])
    assert int(model.last_run.step) == 1


def test_what_was_handed_out_stays_as_it_was() -> None:
    model = network()
    model.train_on_batch(X[:32], Y[:32])
    values = [variable.value for variable in model.variables]
    copies = [np.array(value) for value in values]
    found = model.predict(X[:5], verbose=0)
    found += 1  # an answer may be written to
    model.train_on_batch(X[:32], Y[:32])
    assert all(np.array_equal(value, kept) for value, kept in zip(values, copies, strict=True))


def test_an_array_may_change_after_the_call_that_it_was_given_to() -> None:
    model = caviar.Sequential([Dense(600, kernel_initializer="ones") for _ in range(4)])
    x = np.ones((600, 600), "float32")
    wanted = np.array(model(x))
    found = model(x)
    x[:] = 5  # while the program may still run
    assert np.array_equal(found, wanted)


def test_data_that_makes_no_sense_is_told_at_every_call() -> None:
    model = network()
    holes = np.where(np.arange(4) == 2, np.nan, X[:1])
    for _ in range(2):
        model.predict(X[:1], verbose=0)
        with pytest.raises(DataError, match="nan in column 2"):
            model.predict(holes, verbose=0)
        with pytest.raises(DataError, match="which float32 cannot hold"):
            model.predict(np.full((1, 4), 1e300), verbose=0)
        with pytest.raises(ShapeError, match=r"\(1, 5\)"):
            model.predict(np.ones((1, 5)), verbose=0)
        model.train_on_batch(X[:2], Y[:2])
        with pytest.raises(ShapeError, match="rows do not match"):
            model.train_on_batch(X[:2], Y[:3])
    words = caviar.Sequential([Embedding(10, 3)])
    words.predict([[1, 2]], verbose=0)
    with pytest.raises(DataError, match="id 10"):
        words.predict([[1, 10]], verbose=0)


def test_threads_get_the_answers_of_one() -> None:
    model, wrong = network(), []
    wanted = model.predict(X, verbose=0)

    def ask(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(15):
            start, rows = int(rng.integers(0, 200)), int(rng.integers(1, 90))
            found = model.predict(X[start : start + rows], verbose=0)
            wrong.extend([start] * (not np.allclose(found, wanted[start : start + rows], atol=1e-6)))
            wrong.extend([start] * (not np.allclose(model(X[start : start + 1]), wanted[start], atol=1e-6)))

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


class Slow(Layer):
    """Notes the thread of each batch, and takes its time."""

    def call(self, x: Any) -> Any:
        def note(x: Any) -> Any:
            THREADS.add(threading.get_ident())
            time.sleep(0.002)
            return x

        return jax.pure_callback(note, jax.ShapeDtypeStruct(x.shape, x.dtype), x)


THREADS: set[int] = set()


def test_long_batches_are_computed_on_all_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "cores", lambda: 3)
    model = caviar.Sequential([Dense(3), Slow(), Dense(1)])
    whole = model.predict(X, batch_size=len(X), verbose=0)
    THREADS.clear()
    found = model.predict(X, batch_size=16, verbose=0)
    assert len(THREADS) > 1
    assert np.allclose(found, whole, atol=1e-6)
    with jax.default_matmul_precision("highest"):  # a setting of this thread alone
        THREADS.clear()
        assert np.allclose(model.predict(X, batch_size=16, verbose=0), whole, atol=1e-6)
        assert len(THREADS) == 1


def test_batches_that_change_a_state_are_computed_one_after_another() -> None:
    model = caviar.Sequential([Slow(), Counting(), Dense(1)])
    model.predict(X, batch_size=16, verbose=0)
    assert float(model.layers[1].seen.value) == len(X)


def test_one_row_takes_few_calls_of_python() -> None:
    model, calls = network(), 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    for _ in range(2):
        model.predict(X[:1], verbose=0)
    sys.setprofile(count)
    model.predict(X[:1], verbose=0)
    sys.setprofile(None)
    assert calls <= 185, calls
