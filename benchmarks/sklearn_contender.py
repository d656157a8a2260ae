"""scikit-learn's MLPRegressor and MLPClassifier, without dropout, two at a time by joblib."""

from __future__ import annotations

import warnings
from typing import Any

import joblib
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

from benchmarks.rows import Search, Tune

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
    """Never before its last epoch does it stop; its alpha is divided by the batch; its loss of regression is half of ours."""
    batch, activation = values.get("batch_size", row.batch), values.get("activation", "relu")
    whole = {"max_iter": row.epochs, "n_iter_no_change": row.epochs, "batch_size": batch, "epsilon": 1e-7}
    own = {"learning_rate_init": values["learning_rate"], "alpha": batch * values.get("l2", 0)}
    own |= {
        "activation": "logistic" if activation == "sigmoid" else activation,
        "hidden_layer_sizes": hidden(row, values),
    }
    model = (MLPClassifier if row.classes else MLPRegressor)(random_state=0, **whole, **own)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return (1 if row.classes else 2) * float(model.fit(x.reshape(len(x), -1), y.ravel()).loss_)


def hidden(row: Search, values: dict[str, Any]) -> tuple[int, ...]:
    """The sizes of a member's hidden layers."""
    if row.network == "mlp_small":
        return (32, 32, 32, 16, 8)
    if row.network == "mlp_choice":
        return (values["units"],)
    return (values["first"], values["second"])[: values["depth"]]
