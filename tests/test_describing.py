"""What of a part is number and what is structure: printed by one call, and told to whoever mistakes one for the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from caviar.describing import attributes
from caviar.errors import ArgumentError
from caviar.layers import Dense, Dropout, Input, Layer
from caviar.losses import Loss
from caviar.metrics import SampleMean
from caviar.models import Sequential
from caviar.optimizers import SGD, Adam, Optimizer
from caviar.optimizers.schedules import Schedule
from caviar.parts import Part
from caviar.regularizers import L1L2, Regularizer
from caviar.utils import describe

X, Y = np.ones((4, 2), "float32"), np.ones((4, 1), "float32")


def kinds(part: Any) -> dict[str, str]:
    return {a.name: a.kind for a in attributes(part)}


def test_floats_are_numbers_zero_is_off_and_the_rest_is_structure() -> None:
    model = Sequential([Input((2,)), Dense(3, "relu", kernel_regularizer=L1L2(0.1)), Dropout(0.5)])
    found = kinds(model)
    assert {name for name, kind in found.items() if kind == "number"} == {"l1", "rate"}
    assert {name for name, kind in found.items() if kind == "variable"} == {"kernel", "bias"}
    assert {name for name, kind in found.items() if kind == "part"} == {"sequence", "kernel_regularizer"}
    assert (found["l2"], found["units"], found["activation"]) == ("off", "structure", "structure")
    assert kinds(Adam(0.1))["amsgrad"] == "structure"


def test_one_call_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    describe(Dropout(0.5, seed=3, name="thinned"))
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "Dropout 'thinned'"
    assert (
        "  rate                  0.5   number     an argument of the program: another value compiles nothing" in printed
    )
    assert "  seed                  3     structure  another value is another program" in printed


@dataclass(eq=False, repr=False)
class Branching(Layer):
    rate: float = 0.5

    def call(self, x: Any) -> Any:
        return 2 * x if self.rate > 0.3 else x


@dataclass(eq=False, repr=False)
class ByStructure(Branching):
    fixed = ("rate",)


@dataclass(eq=False, repr=False, frozen=True)
class Penalty(Regularizer):
    strength: float = 0.5

    def __call__(self, x: Any) -> Any:
        return jnp.sum(x) if self.strength > 0.3 else jnp.sum(x**2)


@dataclass(eq=False, repr=False)
class Sided(Loss):
    side: float = 0.5

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return (y_true - y_pred)[:, 0] * (1 if self.side > 0.3 else -1)


@dataclass(eq=False, repr=False)
class Near(SampleMean):
    width: float = 0.5

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return jnp.abs(y_true - y_pred) if self.width > 0.3 else y_pred


@dataclass(eq=False, repr=False)
class Switched(Optimizer):
    limit: float = 0.5

    def transform(self) -> optax.GradientTransformation:
        return optax.scale_by_sign() if self.limit > 0.3 else optax.identity()


@dataclass(eq=False, repr=False)
class Stepped(Schedule):
    height: float = 0.5

    def __call__(self, step: Any) -> Any:
        return 0.1 if self.height > 0.3 else 0.2


def trained(*layers: Layer, optimizer: Any = "sgd", loss: Any = "mse", penalty: Any = None, metric: Any = None) -> None:
    model = Sequential([*layers, Dense(1, kernel_regularizer=penalty)])
    model.compile(optimizer, loss, metrics=metric and [metric])
    model.fit(X, Y, verbose=0)


@pytest.mark.parametrize(
    ("arguments", "method", "owner", "number"),
    [
        ({"penalty": Penalty()}, "__call__", "Penalty", "strength"),
        ({"loss": Sided()}, "call", "Sided", "side"),
        ({"metric": Near()}, "values", "Near", "width"),
        ({"optimizer": Switched(0.1)}, "transform", "Switched", "limit"),
        ({"optimizer": SGD(Stepped())}, "__call__", "Stepped", "height"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_who_branches_on_a_number_is_told_which_and_what_to_do(
    arguments: dict[str, Any], method: str, owner: str, number: str
) -> None:
    with pytest.raises(ArgumentError, match=rf"`{method}` of {owner} looks .*`fixed = \('{number}',\)` in {owner}:"):
        trained(**arguments)


def test_a_layer_that_branches_is_told_too_and_what_is_fixed_may_be_looked_at() -> None:
    for use in (lambda: trained(Branching()), lambda: Branching()(X)):
        with pytest.raises(
            ArgumentError, match=r"`call` of layer 'branching\w*' looks .*`fixed = \('rate',\)` in Branching:"
        ):
            use()
    np.testing.assert_array_equal(ByStructure()(X), 2 * X)
    assert kinds(ByStructure())["rate"] == "fixed"


def test_fixed_lists_names() -> None:
    with pytest.raises(ArgumentError, match=r"fixed of Mistaken lists names: write fixed = \('rate',\)"):

        class Mistaken(Branching):
            fixed = "rate"


def test_a_whole_number_in_a_field_of_a_float_is_a_number_in_a_plain_class_too() -> None:
    class Scaled(Part):
        def __init__(self, strength: float):
            self.strength = strength

    assert kinds(Scaled(2)) == kinds(Scaled(2.0)) == {"strength": "number"}
