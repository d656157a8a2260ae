"""What the tests of TensorFlow's words share."""

from __future__ import annotations

from typing import Any

import numpy as np

import caviar.dialects.tensorflow as tf

A = np.array([[0.3, -1.2, 2.0], [0.7, 0.1, -0.4]])
B = np.array([[1.5, 0.2, -0.7], [0.4, 2.0, 1.1]])
P = np.array([[0.0, 1.0, 0.0], [0.2, 0.3, 0.5]])


def value(fetches: Any, feed_dict: Any = None) -> Any:
    """The value of nodes in a new session, with all variables initialized."""
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(fetches, feed_dict)
