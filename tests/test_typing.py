"""What a type checker says of a user's script: every wrong line is found, and no right one is refused."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BEGIN = """
from pathlib import Path
from typing import Any, assert_type
import numpy as np
import caviar
from caviar import Choice, IntUniform, LogNormal, LogUniform, Normal, OneMinus, Quantized, Uniform
from caviar.callbacks import Callback, EarlyStopping
from caviar.layers import Conv2D, Dense, Dropout, LayerNormalization, ZeroPadding2D
from caviar.models import Sequential
from caviar.optimizers import SGD, Adam, AdamW
from caviar.optimizers.schedules import CosineDecay, LinearRamp
class Shout(Callback):
    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        print(epoch, logs)
names = ["mae"]
x, y = np.zeros((8, 4), "float32"), np.zeros(8)
model = Sequential([Dense(1)])
model.compile("adam", "mse")
history = model.fit(x, y, epochs=3, callbacks=[EarlyStopping(patience=2)])
study = caviar.search(model, x, y, trials=2)
"""
RIGHT = """
assert_type(history.history["loss"], list[float])
Dense(Choice(8, 16), Choice("relu", None))
Dense(IntUniform(8, 16))
Dense(8, "relu", kernel_initializer="he_normal", kernel_regularizer=caviar.regularizers.L2(LogUniform(1e-6, 1e-2)))
Dense(8, lambda a: a**2, bias_initializer=0.1, kernel_initializer=np.zeros((4, 8))).kernel.numpy()
Conv2D(8, (3, 3), IntUniform(1, 2), padding=Choice("same", "valid"))
LayerNormalization([1, 2])
ZeroPadding2D(((1, 1), (2, 2)))
Dropout(Uniform(0, 0.5))
Dropout(Choice(0, 0.5))
Adam(LogUniform(1e-4, 1e-1), beta_1=OneMinus(LogUniform(1e-3, 1e-1)))
SGD(LogNormal(0, 1), momentum=Normal(0.9, 0.01))
Adam(CosineDecay(0.1, 100), beta_1=LinearRamp(0.9, 0.5))
AdamW(1, weight_decay=None)
CosineDecay(LogUniform(1e-4, 1e-1), 100)(3).item()
float(Adam().learning_rate) * 2
model.fit({"a": x}, [y], sample_weight=y, validation_data=[x, y])
model.fit((batch for batch in [(x, y)]), steps_per_epoch=1)
model.train_on_batch(x, y)
Sequential([Choice(Dense(1), Dropout(0.5)), Dense(1)])
model.compile(Choice(SGD(0.1), Adam()), Choice("mse", "mae"))
model.compile("adam", ["mse", lambda t, p: (t - p) ** 2], [1, 0.5], metrics=[*names, caviar.metrics.MeanSquaredError()])
model.compile(loss={"dense": "mse"}, metrics={"dense": names})
model.fit(x, y, validation_data=(x, y), verbose="auto", callbacks=Shout())
model.fit(x, y, callbacks=[Shout(), EarlyStopping()])
caviar.search(model, x, y, batch_size=Quantized(LogUniform(16, 512), 16))
model.save(Path("model.caviar"))
caviar.load_model("model.caviar").predict(x)
assert isinstance(Uniform(0, 1), caviar.ranges.Range)
Uniform(0, 1, name="share").at(0.5)
"""
WRONG = """
Dense("64")
Dense(64.5)
Dense(Uniform(8, 16))
Dense(8, activations="relu")
Dense(8, activation=3)
Dense(8, kernel_regularizer=0.1)
Conv2D(8, "3")
LayerNormalization(axis="last")
Dropout("0.5")
Adam(learning_rat=0.1)
Adam("abc")
Adam(0.1, beta_1=[0.9])
SGD(momentum="0.9")
CosineDecay("0.1", 100)
CosineDecay(0.1)
caviar.regularizers.L2("small")
caviar.losses.Huber(delta="1")
caviar.metrics.TopKCategoricalAccuracy(k="3")
caviar.initializers.HeNormal(seed="a")
EarlyStopping(patience="2")
Uniform(0)
Uniform("0", "1")
model.fit(x, y, epochs="3")
model.fit(x, y, epoch=3)
model.fit(3, y)
model.fit(x, y, sample_weight=2)
model.predict(3.5)
model.evaluate(x, y, verbose="loud", steps="1")
model.fit(x, y, callbacks=["early stopping"])
model.compile("adam", loss=3)
caviar.search(model, x, y, trials="2")
caviar.search(model, x, y, strategy=3)
caviar.layers.Dens(3)
model.save(3)
history.histroy
"""


def errors_of_mypy(script: Path) -> str:
    said = subprocess.run(
        [sys.executable, "-m", "mypy", script],
        cwd=ROOT,
        env={**os.environ, "MYPYPATH": "src"},
        capture_output=True,
        text=True,
    )
    return said.stdout + said.stderr


def errors_of_pyright(script: Path) -> str:
    settings = {"include": [script.name], "typeCheckingMode": "standard", "extraPaths": [str(ROOT / "src")]}
    script.with_name("pyrightconfig.json").write_text(json.dumps(settings))
    said = subprocess.run(
        [sys.executable, "-m", "basedpyright", "-p", script.parent, "--pythonpath", sys.executable],
        capture_output=True,
        text=True,
    )
    return said.stdout + said.stderr


@pytest.mark.parametrize("errors_of", [errors_of_mypy, errors_of_pyright])
def test_a_users_script_is_checked(errors_of: Callable[[Path], str], tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(BEGIN + RIGHT + WRONG)
    said = errors_of(script)
    refused = {int(number) for number in re.findall(r"script\.py:(\d+):(?:\d+ -)? error", said)}
    lines = script.read_text().splitlines()
    assert [lines[number - 1] for number in sorted(refused)] == WRONG.split("\n")[1:-1], said


def test_the_package_says_that_it_is_typed() -> None:
    assert files("caviar").joinpath("py.typed").is_file()
