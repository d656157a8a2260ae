"""Each test of a dialect begins, and leaves, with nothing written down."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import caviar.dialects.tensorflow as tf
from caviar.graph.lazy import recording


@pytest.fixture(autouse=True)
def nothing_written() -> Iterator[None]:
    recording().clear()
    tf.reset_default_graph()
    yield
    recording().clear()
    tf.reset_default_graph()
