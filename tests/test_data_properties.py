"""Any arrays at all, as x, y and weights: a model learns and stays finite, says what is lost, or refuses in caviar's words."""

from __future__ import annotations

import warnings
from typing import Any

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from caviar.errors import CaviarError
from caviar.layers import Dense
from caviar.models import Sequential

SETTINGS = settings(deadline=None, derandomize=True, max_examples=25, database=None)
ROWS, COLUMNS, CLASSES = 4, 3, 3
X = np.random.default_rng(0).normal(size=(ROWS, COLUMNS)).astype("float32")
Y = np.array([0, 2, 1, 0])
DTYPES = st.sampled_from(["?", "u1", "i1", "i4", "i8", "u8", "f2", "f4", "f8", "c8", "U2", "S2", "O", "M8[D]", "m8[s]"])
SHAPES = st.one_of(
    st.just((ROWS, COLUMNS)), st.just((ROWS,)), arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5)
)
NUMBERS = st.one_of(st.integers(-1, 4), st.sampled_from([0.5, float("nan"), float("inf"), -1e300, 2**40, 1e30]))


@st.composite
def wholes(draw: Any) -> Any:
    """An array of any type and shape, as one of the kinds of things in which people keep their data."""
    dtype, shape = draw(DTYPES), draw(SHAPES)
    if draw(st.booleans()):  # numbers that make sense more often than not
        array = np.resize(np.array(draw(st.lists(NUMBERS, min_size=1, max_size=4)), "f8"), shape)
    else:
        array = draw(arrays.arrays(dtype, shape, elements=st.text(max_size=2) if dtype == "O" else None))
    match draw(st.sampled_from(["numpy", "jax", "list", "frame", "masked", "dict", "alone"])):
        case "jax" if array.dtype.kind in "biufc":
            with np.errstate(over="ignore"):
                return jnp.asarray(array)
        case "list":
            return array.tolist()
        case "frame" if array.ndim in (1, 2):
            return pd.DataFrame(array)
        case "masked" if array.dtype.kind in "biuf":
            return np.ma.masked_invalid(array)
        case "dict":
            return {draw(st.sampled_from(["x", 0])): array}
        case "alone":
            return draw(st.sampled_from([None, "text", 3, [], {}, object(), iter([])]))
    return array


@pytest.fixture(scope="module")
def model() -> Sequential:
    made = Sequential([Dense(CLASSES, "softmax", input_dim=COLUMNS)])
    made.compile("sgd", "sparse_categorical_crossentropy")
    return made


def said_or_finite(model: Sequential, what: Any) -> None:
    """The property: an error of ours, or numbers that are finite, or a warning that they are not."""
    model.set_weights([np.ones((COLUMNS, CLASSES)), np.zeros(CLASSES)])
    model.columns = None
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            result = what()
        except CaviarError:
            return
    numbers = [*model.get_weights(), *(result.history["loss"] if hasattr(result, "history") else [result])]
    if not all(np.isfinite(n).all() for n in numbers):
        assert any("loss became" in str(w.message) for w in told)


@SETTINGS
@given(x=wholes())
def test_any_x(model: Sequential, x: Any) -> None:
    said_or_finite(model, lambda: model.fit(x, Y, verbose=0))


@SETTINGS
@given(y=wholes())
def test_any_y(model: Sequential, y: Any) -> None:
    said_or_finite(model, lambda: model.fit(X, y, verbose=0))


@SETTINGS
@given(weight=wholes())
def test_any_weights_of_rows(model: Sequential, weight: Any) -> None:
    said_or_finite(model, lambda: model.fit(X, Y, sample_weight=weight, verbose=0))


@SETTINGS
@given(weight=st.one_of(wholes(), st.dictionaries(NUMBERS, NUMBERS, max_size=4), st.text(max_size=3)))
def test_any_weights_of_classes(model: Sequential, weight: Any) -> None:
    said_or_finite(model, lambda: model.fit(X, Y, class_weight=weight, verbose=0))


@SETTINGS
@given(batch=wholes())
def test_any_second_batch_of_a_stream(model: Sequential, batch: Any) -> None:
    said_or_finite(model, lambda: model.fit(iter([(X, Y), (batch, Y)]), verbose=0))


@SETTINGS
@given(x=wholes())
def test_any_question(model: Sequential, x: Any) -> None:
    def ask() -> Any:
        found = model.predict(x, verbose=0)
        assert found.shape[1:] == (CLASSES,)
        return np.nan_to_num(found)  # what overflows inside shows in what comes out

    said_or_finite(model, ask)
