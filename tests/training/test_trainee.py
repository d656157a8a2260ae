"""What is trained is any layer: a training needs no graph of layers, no inputs and no outputs."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiles import compiles

import caviar
from caviar.errors import ArgumentError, NotBuiltError, NotCompiledError
from caviar.optimizers import SGD
from caviar.training.trainee import Trainee

SOURCE = Path(__file__).parents[2] / "src" / "caviar"
X = np.linspace(-1, 1, 32, dtype="float32").reshape(32, 1)


class Line(Trainee):
    """A straight line."""

    def build(self, input_shape: Any) -> None:
        self.add_weight("slope", initializer="ones")
        self.add_weight("offset", initializer="zeros")

    def call(self, x: Any) -> Any:
        return self.slope * x + self.offset


def test_a_layer_that_is_no_model_is_compiled_fitted_evaluated_and_asked() -> None:
    line = Line()
    line.compile(SGD(0.5), "mse", metrics=["mae"])
    history = line.fit(X, 3 * X - 1, epochs=40, batch_size=32, verbose=0, validation_data=(X, 3 * X - 1))
    assert history is line.history
    assert sorted(history.history) == ["loss", "mae", "val_loss", "val_mae"]
    assert [float(v.value) for v in line.variables] == pytest.approx([3, -1], abs=1e-3)
    assert line.evaluate(X, 3 * X - 1, verbose=0) == pytest.approx([0, 0], abs=1e-2)
    assert line.predict(X, verbose=0) == pytest.approx(3 * X - 1, abs=1e-2)
    assert int(line.last_run.step) == 40
    line.train_on_batch(X, 3 * X - 1)
    assert int(line.last_run.step) == 41
    with compiles() as count:
        line.fit(X, 3 * X - 1, epochs=40, batch_size=32, verbose=0, validation_data=(X, 3 * X - 1))
    assert count() == 0


def test_a_search_trains_it_too() -> None:
    line = Line()
    line.compile(SGD(caviar.LogUniform(1e-3, 1e-1)), "mse")
    line.build((None, 1))
    line.slope.assign(2.0)  # weights of no axis have their place in the study's file too
    study = caviar.search(line, X, 3 * X, trials=3, epochs=4, seed=0, verbose=0, validation_data=(X, 3 * X))
    assert type(study.best_model) is Line
    assert study.best_model.evaluate(X, 3 * X, verbose=0) == pytest.approx(study.best_value)


def test_what_is_missing_is_told() -> None:
    with pytest.raises(NotCompiledError, match="before fit"):
        Line().fit(X, X)
    with pytest.raises(ArgumentError, match="inside `fit`"):
        Line().train_step(([], []), (X, X))
    with pytest.raises(NotBuiltError, match="no weights yet"):
        Line().require_built("saving")


@pytest.mark.parametrize("path", sorted((SOURCE / "training").rglob("*.py")), ids=lambda p: p.name)
def test_nobody_in_training_reaches_into_what_is_trained(path: Path) -> None:
    """What belongs to another object is called by a name without an underscore (named tuples have three with one)."""
    found = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Attribute)]
    private = [
        n for n in found if n.attr[0] == "_" and n.attr[1] != "_" and n.attr not in ("_replace", "_asdict", "_fields")
    ]
    others = [ast.unparse(n) for n in private if ast.unparse(n.value) not in ("self", "cls")]
    assert others == []
