"""How often a first `fit` traces the network, which is what it costs before it compiles."""

import numpy as np

from caviar import layers, models


class Counted(layers.Layer):
    calls = 0

    def call(self, x):
        type(self).calls += 1
        return x


def test_a_first_fit_finds_the_shapes_of_outputs_once_for_all_that_ask():
    """Eight traces: of the first look, the steps, validation four times, and the outputs of each batch size once. There were ten."""
    model = models.Sequential([layers.Input((2,)), Counted(), layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse")
    Counted.calls = 0
    x, y = np.ones((8, 2)), np.ones((8, 1))
    model.fit(x, y, batch_size=4, validation_data=(x, y), validation_batch_size=2, verbose=0)
    assert Counted.calls <= 8
