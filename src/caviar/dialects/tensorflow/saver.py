"""Variables in files: safetensors, which execute nothing when loaded."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save

from caviar.dialects.tensorflow.graphs import global_variables
from caviar.dialects.tensorflow.weights import weight_of
from caviar.errors import FileError
from caviar.files import reading, write_whole


class Saver:
    """Saves the values that variables have in a session, by name, by default of all variables made so far.

    >>> from caviar.dialects.tensorflow.train import Saver
    >>> import tempfile
    >>> from caviar.dialects.tensorflow import Session, Variable
    >>> w = Variable(3.0, name="kept")
    >>> with tempfile.TemporaryDirectory() as folder, Session() as session:
    ...     session.run(w.initializer)
    ...     path = Saver([w]).save(session, f"{folder}/model")
    ...     w.load(0.0, session)
    ...     Saver([w]).restore(session, path)
    ...     float(session.run(w))
    3.0
    """

    def __init__(self, var_list: Any = None):
        given = global_variables() if var_list is None else var_list
        self.variables = given if isinstance(given, dict) else {weight_of(v).path: v for v in given}

    def save(self, sess: Any, save_path: Any, global_step: Any = None) -> str:
        """Write one file; its name, with the step at its end, is returned for `restore`."""
        step = global_step if global_step is None or isinstance(global_step, int) else int(sess.run(global_step))
        path = os.fsdecode(save_path) if step is None else f"{os.fsdecode(save_path)}-{step}"
        values = {name: np.asarray(sess.value_of(weight_of(v))) for name, v in self.variables.items()}
        write_whole(path, save(values))
        return path

    def restore(self, sess: Any, save_path: Any) -> None:
        """Set the variables to the values in the file; they need no initializer then."""
        with reading(save_path, "file of tf.train.Saver") as path:
            if not path.exists():
                raise FileError("there is no such file: give the path that saver.save returned")
            values = load_file(path)
        if missing := [name for name in self.variables if name not in values]:
            raise FileError(f"{path} holds no variable {missing[0]!r}, but: {', '.join(sorted(values))}")
        for name, variable in self.variables.items():
            sess.store(weight_of(variable), values[name])
