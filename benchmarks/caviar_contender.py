"""caviar with nothing set that a user would not set."""

from __future__ import annotations

import caviar.layers
import caviar.models
import caviar.regularizers
from benchmarks.rows import Made, Row, Search, Tune
from caviar import Choice, LogUniform


def make(row: Row, policy: str = "float32") -> Made:
    """The words are those of the Keras contender, from another import line."""
    caviar.config.set_dtype_policy(policy)
    return row.fitting(caviar)


def search(row: Search, strategy: str | None = None, alone: bool = False) -> Tune:
    """One search; or, `alone`, what a loop of `fit` takes."""
    if alone:
        return row.fit_one_by_one(caviar)
    x, y = row.data()

    def tune(members: int) -> tuple[float, int]:
        values = row.values(lambda _, low, high: LogUniform(low, high), lambda _, options: Choice(*options))
        given = {"strategy": strategy or row.strategy, "epochs": row.epochs, "frames": row.frames, "seed": 0}
        given["batch_size"] = values.get("batch_size", row.batch)
        study = caviar.search(row.member(caviar, values), x, y, trials=members, verbose=0, **given)
        return study.best_value, sum(trial["epochs"] for trial in study.table())

    return tune
