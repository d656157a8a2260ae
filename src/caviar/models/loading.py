"""Models from files."""

from __future__ import annotations

from typing import Any

from caviar.files import FilePath
from caviar.models.model import Model
from caviar.models.saving import read_model


def load_model(path: FilePath, custom_objects: dict[str, Any] | None = None, compile: bool = True) -> Model:
    """Load a model that `model.save` wrote; classes of your own are passed as `custom_objects={"Block": Block}`.

    >>> import tempfile, numpy as np
    >>> from caviar.models import Sequential, load_model
    >>> from caviar.layers import Dense
    >>> model, x = Sequential([Dense(2, input_dim=3)]), np.ones((1, 3), "float32")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(f"{folder}/model.caviar")
    ...     again = load_model(f"{folder}/model.caviar")
    >>> bool((again.predict(x, verbose=0) == model.predict(x, verbose=0)).all())
    True
    """
    return read_model(path, Model, custom_objects, compile)
