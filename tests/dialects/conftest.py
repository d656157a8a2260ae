"""Each test of a dialect begins, and leaves, with nothing written down."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import caviar.dialects.tensorflow as tf
from caviar.recording.recorder import recorder


@pytest.fixture(autouse=True)
def nothing_written() -> Iterator[None]:
    recorder().clear()
    tf.reset_default_graph()
    yield
    recorder().clear()
    tf.reset_default_graph()
