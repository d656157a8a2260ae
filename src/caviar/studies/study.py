"""The study: what a search found."""

from __future__ import annotations

from numbers import Integral
from typing import Any

from caviar import config
from caviar.arguments import check
from caviar.errors import ArgumentError, FileError, unknown_name
from caviar.files import FilePath
from caviar.graph.node import Input
from caviar.layers.base import ensure_built
from caviar.layers.merging import Average
from caviar.layers.weights import initial_values, undrawn
from caviar.models.as_json import Reader
from caviar.models.model import Model
from caviar.models.saving import read_specs
from caviar.ranges import Choice
from caviar.studies import hparams, plots
from caviar.studies.blocks import Member, unpacked
from caviar.studies.board import Board
from caviar.studies.importance import importance
from caviar.studies.space import Space, Template, labels_of
from caviar.studies.store import Store
from caviar.studies.tables import Dimension, Table, check_count
from caviar.training.compiled import Compiled
from caviar.training.monitor import direction
from caviar.training.rules import EarlyStopping, ReduceLROnPlateau, TerminateOnNaN

__all__ = ["Study", "load_study"]


class Study:
    """A search with its trials, curves and best models; made by `search`, or from a file by `load_study`.

    >>> import numpy as np
    >>> from caviar.layers import Dense
    >>> from caviar.models import Sequential
    >>> from caviar.optimizers import SGD
    >>> from caviar.ranges import LogUniform
    >>> from caviar.studies import search
    >>> model, x = Sequential([Dense(1)]), np.linspace(-1, 1, 32).reshape(32, 1)
    >>> model.compile(SGD(LogUniform(1e-3, 1)), "mse")
    >>> study = search(model, x, 3 * x, trials=4, epochs=5, seed=0, verbose=0)
    >>> study.best_model.predict(x, verbose=0).shape, len(study.table())
    ((32, 1), 4)
    """

    def __init__(self, board: Board, inputs: Any, interrupted: bool = False):
        self._board, self._inputs, self.interrupted = board, inputs, interrupted
        self.monitor, self.sign, self.seed = board.monitor, board.sign, board.seed

    def __repr__(self) -> str:
        best = f", best {self.monitor}: {self.best_value:.4g}" if self._board.ranking() else ""
        return f"Study({len(self._board.trials)} trials{best})"

    # -- the best -------------------------------------------------------------------------------------------------

    @property
    def best_trial(self) -> dict[str, Any]:
        """The row of the best trial."""
        return self._board.row(self._ranking()[0])

    @property
    def best_value(self) -> float:
        """The best value of what was monitored."""
        return float(self.best_trial[self.monitor])

    @property
    def best_values(self) -> dict[str, Any]:
        """The hyperparameters of the best trial."""
        return {
            name: value for name, value in self._board.trials[self._ranking()[0]].values.items() if value is not None
        }

    @property
    def best_model(self) -> Any:
        """The best trial's model, with the weights of its best epoch, ready to predict, evaluate, train on or save."""
        return self.model(self._ranking()[0])

    def _ranking(self) -> list[int]:
        found = self._board.ranking()
        if not found and any(trial.status == "not begun" for trial in self._board.trials):
            raise ArgumentError(
                f"no trial has a value of {self.monitor}: the time was over before a first epoch ended, compiling included; "
                "the search needs more minutes"
            )
        if not found:
            raise ArgumentError(
                f"no trial has a value of {self.monitor} yet: see study.table() for what became of them"
            )
        return found

    def model(self, trial: int, copy: int = 0) -> Any:
        """The model of a trial with its best weights, if the study kept them; `copy` counts folds and repeats."""
        self._member(trial, copy)
        content = self._board.store.get("weights", f"{trial}/{copy}")
        if content is None:
            kept = ", ".join(sorted({key.split("/")[0] for key in self._board.store.keys("weights")}, key=int))
            raise ArgumentError(
                f"the weights of trial {trial} (copy {copy}) were not kept; those of trials {kept or 'none'} were: "
                f"search(..., keep=...) says how many, and study.untrained({trial}).fit(...) trains it again"
            )
        model = self.untrained(trial, copy)
        for variable, value in zip(model.variables, unpacked(content), strict=True):
            variable.assign(value)
        return model

    def _member(self, trial: int, copy: int) -> Member:
        """The copy of a trial; raises if there is none."""
        for what, number, count in (("trial", trial, len(self._board.trials)), ("copy", copy, self._board.copies)):
            if not isinstance(number, Integral) or isinstance(number, bool) or not 0 <= number < count:
                raise ArgumentError(f"there is no {what} {number!r}: they are numbered 0 to {count - 1}")
        return Member(int(trial), int(copy))

    def untrained(self, trial: int, copy: int = 0) -> Any:
        """The model of a trial before its training: `fit` with the search's arguments then trains as the search did.

        This seeds the library (`set_random_seed`) as the trial was seeded.
        """
        member = self._member(trial, copy)
        with undrawn():
            made = self._board.space.close(self._board.trials[trial].units)
            ensure_built(made.model, self._inputs)
        made.model.compiled_with, made.model.built_for = made.compiled, self._inputs
        config.set_random_seed(self._board.seed_of(member))
        drawn, key = [v for v in made.model.variables if v.is_drawn], config.next_key()
        for variable, value in zip(drawn, initial_values(drawn)(key) if drawn else [], strict=True):
            variable.assign(value).is_drawn = True
        return made.model

    def ensemble(self, count: int = 5) -> Model:
        """One model whose outputs are the means of those of the best `count` trials (of all, if there are fewer), all copies of each."""
        best = self._ranking()[: check_count(count)]
        models = [self.model(n, m.copy) for n in best for m in self._board.members(n)]
        specs = self._inputs if isinstance(self._inputs, (list, tuple)) else [self._inputs]
        if isinstance(self._inputs, dict):
            raise ArgumentError("an ensemble of models with named inputs cannot be made: average their predictions")
        inputs = [Input(spec.shape[1:], dtype=str(spec.dtype)) for spec in specs]
        given = inputs if len(inputs) > 1 else inputs[0]
        outputs = [model(given) for model in models]
        if any(isinstance(o, (list, tuple, dict)) for o in outputs):
            raise ArgumentError("an ensemble of models with several outputs cannot be made: average their predictions")
        model = Model(given, outputs[0] if len(outputs) == 1 else Average()(outputs))
        model.compiled_with = models[0].compiled_with
        return model

    # -- results --------------------------------------------------------------------------------------------------

    def table(self) -> Table:
        """A row for each trial: its hyperparameters, status, epochs and best value."""
        return Table([self._board.row(n) for n in self._board.numbers()], self.monitor, self.sign)

    def curves(self, trial: int | None = None, copy: int = 0) -> Any:
        """The logs of a trial, epoch by epoch; of all trials without a number."""
        if trial is not None:
            return dict(self._board.curves.get(self._member(trial, copy), {}))
        return {n: self.curves(n, copy) for n in self._board.numbers()}

    def importance(self) -> dict[str, float]:
        """The share of the variance of the ranked results, over the whole space, that each hyperparameter explains by itself."""
        return importance(self.table(), self._dimensions(), self.monitor, self.sign)

    def plot(self, kind: str = "overview", path: FilePath | None = None) -> Any:
        """A picture: "overview", "parallel", "scatter", "curves" or "zoom"; a Figure, also written to `path`."""
        check(Study.plot, {"kind": kind}, "plot")
        rows, curves, dimensions, rest = self.table(), self.curves(), self._dimensions(), (self.monitor, self.sign)
        draw = {
            "overview": lambda: plots.plot_study(rows, curves, dimensions, *rest, path=path),
            "parallel": lambda: plots.plot_parallel(rows, dimensions, *rest, path=path),
            "scatter": lambda: plots.plot_scatter(rows, dimensions, *rest, path=path),
            "curves": lambda: plots.plot_curves(curves, rows, *rest, path=path),
            "zoom": lambda: plots.plot_zoom(rows, dimensions, *rest, path=path),
        }
        if kind not in draw:
            raise unknown_name("kind of picture", kind, draw)
        return draw[kind]()

    def to_tensorboard(self, log_dir: FilePath) -> None:
        """Write what TensorBoard's HParams tab shows."""
        hparams.write_hparams(log_dir, self.table(), self.curves(), self._dimensions(), self.monitor)

    def _dimensions(self) -> list[Dimension]:
        found = self._board.space.found
        shown = [Choice(*labels_of(h.range)) if isinstance(h.range, Choice) else h.range for h in found]
        return [Dimension(h.name, r) for h, r in zip(found, shown, strict=True)]

    # -- the file -------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Close the study's file, which also happens when the study is garbage-collected."""
        self._board.store.close()


def load_study(path: FilePath, custom_objects: dict[str, Any] | None = None) -> Study:
    """Open the file of a search for reading, also while it runs; pass your own classes as `custom_objects`.

    >>> from caviar.studies import load_study
    >>> load_study("nowhere.study")
    Traceback (most recent call last):
    caviar.errors.FileError: nowhere.study does not exist: no search has begun in it
    """
    store = Store.read(path)
    space, told = Space(_template(store, custom_objects)), store.search
    folds = [None] * told["folds"] if told["folds"] else None
    sign = direction(told["monitor"], told["mode"])
    board = Board(space, store, store.noted("seed"), told["monitor"], sign, folds, told["repeats"])
    board.trials = [board.known[n] for n in sorted(board.known)]
    return Study(
        board, read_specs(store.noted("inputs")), not (store.noted("done", False) or store.noted("out_of_time", False))
    )


def _template(store: Store, custom_objects: dict[str, Any] | None) -> Template:
    """The model of the search with its ranges, from the file."""
    if not isinstance(custom_objects or {}, dict):
        raise ArgumentError(f"custom_objects is a dict of your own classes by name, and is {custom_objects!r}")
    found = store.noted("template", {"refused": "the search has not begun"})
    if "refused" in found:
        raise FileError(
            f"{store.path} cannot be opened without its model: {found['refused']}. "
            "Or call search again, with the same arguments: a study that is finished trains nothing"
        )
    written, read = found["written"], Reader({**_RULES, **(custom_objects or {})})
    model, compiled = read(written["model"]), {k: read(v) for k, v in written["compiled"].items()}
    return Template(model, Compiled(**compiled), read(written["rules"]), read(written["batch_size"]))


_RULES = {rule.__name__: rule for rule in (EarlyStopping, ReduceLROnPlateau, TerminateOnNaN)}
