"""TensorFlow 1's graph and session: the lecture's w**2 - 10 w + 25, a step of gradient descent a run."""

from __future__ import annotations

import importlib
import os
from typing import Any

from benchmarks.rows import Made, Row

tf: Any = importlib.import_module(os.environ["BENCHMARK_TF"])


def make(row: Row) -> Made:
    """A function that runs so many times a thousand steps, and gives the last cost."""
    tf.disable_v2_behavior()
    w = tf.Variable(0, dtype=tf.float32)
    cost = w**2 - 10 * w + 25
    train = tf.train.GradientDescentOptimizer(0.01).minimize(cost)
    session = tf.Session()
    session.run(tf.global_variables_initializer())

    def fit(epochs: int) -> float:
        for _ in range(epochs * row.steps):
            session.run(train)
        return float(session.run(cost))

    return Made(fit)
