"""scikit-learn's MLPRegressor, two at a time by joblib."""

from __future__ import annotations

import warnings
from typing import Any

import joblib
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from benchmarks.rows import Search, Tune

HIDDEN = {"mlp_small": (32, 32, 32, 16, 8)}
PROCESSES = 2


def search(row: Search) -> Tune:
    """The processes live on from one call to the next, as joblib's do."""
    x, y = row.data()

    def tune(members: int) -> tuple[float, int]:
        trained = (joblib.delayed(_train)(row, values, x, y) for values in row.drawn(members))
        with joblib.parallel_config("loky", inner_max_num_threads=1):
            losses = joblib.Parallel(PROCESSES)(trained)
        return min(losses), members * row.epochs

    return tune


def _train(row: Search, values: dict[str, Any], x: np.ndarray, y: np.ndarray) -> float:
    """Never before its last epoch does it stop; its alpha is divided by the batch, its loss is half of ours."""
    whole = {"max_iter": row.epochs, "n_iter_no_change": row.epochs, "batch_size": row.batch, "epsilon": 1e-7}
    own = {"learning_rate_init": values["learning_rate"], "alpha": row.batch * values["l2"]}
    model = MLPRegressor(hidden_layer_sizes=HIDDEN[row.network], random_state=0, **whole, **own)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return 2 * float(model.fit(x, y.ravel()).loss_)
