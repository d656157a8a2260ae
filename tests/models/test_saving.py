"""Files: what is loaded is what was saved, to the bit; nothing in them executes; what is broken is told."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from caviar import callbacks, errors, ops, optimizers
from caviar.graph import Input
from caviar.layers import BatchNormalization, Dense, Dropout, Lambda, Layer
from caviar.models import Model, Sequential, load_model
from caviar.regularizers import L2

X = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
Y = X[:, :1] * 2


def sequential() -> Sequential:
    return Sequential(
        [Dense(8, activation="tanh", kernel_regularizer=L2(0.01)), BatchNormalization(), Dropout(0.1), Dense(1)]
    )


def functional() -> Model:
    x = Input((3,), name="x")
    shared = Dense(3)
    return Model(x, Dense(1)(ops.tanh(shared(x) + shared(x * 2))[:, :2]))


class Scaled(Layer):
    def __init__(self, power: int = 2, **kwargs: Any):
        super().__init__(**kwargs)
        self.power = power

    def build(self, input_shape: Any) -> None:
        self.add_weight("scale", (input_shape[-1],), "ones")

    def call(self, x: Any) -> Any:
        return self.scale * x**self.power


def custom() -> Sequential:
    return Sequential([Scaled(3), Dense(1)])


MODELS = {
    "sequential": sequential,
    "functional": functional,
    "custom": custom,
    "nested": lambda: Sequential([functional(), Dense(1)]),
}


@pytest.fixture(params=MODELS.values(), ids=MODELS)
def trained(request: pytest.FixtureRequest) -> Model:
    model = request.param()
    model.compile(optimizers.Adam(0.01), "mse", metrics=["mae"])
    model.fit(X, Y, epochs=2, verbose=0)
    return model


def test_a_loaded_model_predicts_the_same_bits(trained: Model, tmp_path: Path) -> None:
    trained.save(tmp_path / "model.caviar")
    again = load_model(tmp_path / "model.caviar", custom_objects={"Scaled": Scaled})
    assert (again.predict(X, verbose=0) == trained.predict(X, verbose=0)).all()
    assert again.evaluate(X, Y, verbose=0) == trained.evaluate(X, Y, verbose=0)
    assert [type(layer) for layer in again.layers] == [type(layer) for layer in trained.layers]


@pytest.mark.slow
def test_a_loaded_model_trains_on_with_its_optimizer(trained: Model, tmp_path: Path) -> None:
    trained.save(tmp_path / "model.caviar")
    again = load_model(tmp_path / "model.caviar", custom_objects={"Scaled": Scaled})
    assert int(again.last_run.step) == int(trained.last_run.step)
    for model in (trained, again):
        for layer in model.layers:
            if isinstance(layer, Dropout):
                layer.rate = 0.0  # the masks are drawn anew, and would differ
        model.fit(X, Y, epochs=2, shuffle=False, verbose=0)
    for a, b in zip(trained.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_weights_alone(trained: Model, tmp_path: Path) -> None:
    trained.save_weights(tmp_path / "weights.caviar")
    expected = trained.predict(X, verbose=0)
    trained.set_weights([w * 0 for w in trained.get_weights()])
    trained.load_weights(tmp_path / "weights.caviar")
    assert (trained.predict(X, verbose=0) == expected).all()


class At(callbacks.Callback):
    """Does something at the end of an epoch."""

    def __init__(self, epoch: int, action: Any):
        self.epoch, self.action = epoch, action

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if epoch == self.epoch:
            self.action(self.model)


def kill(_: Model) -> None:
    raise KeyboardInterrupt


def test_a_model_saved_during_training_goes_on_as_the_training_does(tmp_path: Path) -> None:
    model = sequential()
    model.layers[2].rate = 0.0
    model.compile(optimizers.Adam(0.01), "mse")
    model.fit(X, Y, epochs=4, shuffle=False, verbose=0, callbacks=[At(1, lambda m: m.save(tmp_path / "model.caviar"))])
    again = load_model(tmp_path / "model.caviar")
    again.fit(X, Y, epochs=2, shuffle=False, verbose=0)
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_training_that_was_stopped_and_then_killed_stays_stopped(tmp_path: Path) -> None:
    def fit(*ending: Any) -> Any:
        model = Sequential([Dense(1)])
        model.compile("adam", "mse")
        stop = At(1, lambda m: setattr(m, "stop_training", True))
        return model.fit(X, Y, epochs=4, verbose=0, callbacks=[stop, callbacks.BackupAndRestore(tmp_path), *ending])

    class Dies(callbacks.Callback):
        logs: Any = None

        def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
            self.logs = logs
            raise KeyboardInterrupt

    before, after = Dies(), Dies()
    for dies in (before, after):
        with pytest.raises(KeyboardInterrupt):
            fit(dies)
    assert fit().epoch == [0, 1]
    assert after.logs == before.logs  # those of the last epoch


def test_what_a_callback_does_to_the_weights_before_training_counts() -> None:
    class Zeros(callbacks.Callback):
        def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
            self.model.set_weights([w * 0 for w in self.model.get_weights()])

    model = Sequential([Dense(1)])
    model.compile(optimizers.SGD(0.0), "mse")
    model.fit(X, Y, epochs=1, verbose=0, callbacks=[Zeros()])
    assert not np.any(model.get_weights()[0])


def test_a_run_is_saved_from_a_callback_of_the_right_pace(tmp_path: Path) -> None:
    class Reads(callbacks.Callback):
        pace = "run"

        def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            self.model.save_run(tmp_path / "run.caviar")

    model = Sequential([Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(errors.ArgumentError, match='pace = "epoch"'):
        model.fit(X, Y, verbose=0, callbacks=[Reads()])
    with pytest.raises(errors.ArgumentError, match="call it from a callback"):
        model.save_run(tmp_path / "run.caviar")


def small(path: Path) -> Path:
    model = Sequential([Dense(1, input_dim=3)])
    model.save(path)
    return path


def test_a_class_of_ones_own_must_be_passed_in(tmp_path: Path) -> None:
    model = custom()
    model.predict(X, verbose=0)
    model.save(tmp_path / "model.caviar")
    with pytest.raises(errors.FileError, match=r"custom_objects=\{'Scaled': Scaled\}"):
        load_model(tmp_path / "model.caviar")


def test_a_lambda_cannot_be_saved_and_the_error_says_what_can(tmp_path: Path) -> None:
    model = Sequential([Lambda(lambda x: x + 1), Dense(1)])
    model.predict(X, verbose=0)
    with pytest.raises(errors.FileError, match="def"):
        model.save(tmp_path / "model.caviar")
    assert list(tmp_path.iterdir()) == []


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    at = content.index(b"weights.safetensors") + 100
    content[at] ^= 0xFF
    path.write_bytes(bytes(content))


def _edit(path: Path, **changes: Any) -> None:
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    document = json.loads(parts["caviar.json"])
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**parts, "caviar.json": json.dumps({**document, **changes}).encode()}.items():
            archive.writestr(name, content)


BROKEN = {
    "truncated": (_truncate, "truncated"),
    "altered": (_flip, "altered"),
    "text": (lambda path: path.write_text("not a model"), "not a complete caviar file"),
    "empty": (lambda path: path.write_bytes(b""), "not a complete caviar file"),
    "of another version": (lambda path: _edit(path, format=99, caviar="9.0"), "format 99, written by caviar 9.0"),
    "of another kind": (lambda path: _edit(path, kind="run"), "holds a run"),
    "that asks for code": (lambda path: _edit(path, model={"class": "system", "number": 0, "config": {}}), "not caviar's own"),
    "that asks for a function": (lambda path: _edit(path, model={"class": "get", "number": 0, "config": {}}), "not caviar's own"),
}  # fmt: skip


@pytest.mark.parametrize(("damage", "message"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_is_broken_is_told(damage: Any, message: str, tmp_path: Path) -> None:
    path = small(tmp_path / "model.caviar")
    damage(path)
    with pytest.raises(errors.FileError, match=message):
        load_model(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(errors.FileError, match="does not exist"):
        load_model(tmp_path / "none.caviar")


def test_weights_of_another_architecture(tmp_path: Path) -> None:
    path = small(tmp_path / "model.caviar")
    with pytest.raises(errors.ShapeError, match="not the same architecture"):
        Sequential([Dense(2, input_dim=3), Dense(1)]).load_weights(path)
    with pytest.raises(errors.ShapeError, match=r"\(3, 1\)"):
        Sequential([Dense(2, input_dim=3)]).load_weights(path)


def test_a_write_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = small(tmp_path / "model.caviar")
    before = path.read_bytes()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(errors.FileError, match="No space left"):
        small(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(errors.FileError, match="could not be written"):
        small(tmp_path / "none" / "model.caviar")


def test_not_overwriting(tmp_path: Path) -> None:
    path = small(tmp_path / "model.caviar")
    with pytest.raises(errors.FileError, match="exists already"):
        Sequential([Dense(1, input_dim=3)]).save(path, overwrite=False)


def test_the_file_is_json_and_safetensors(tmp_path: Path) -> None:
    with zipfile.ZipFile(small(tmp_path / "model.caviar")) as archive:
        assert set(archive.namelist()) == {"caviar.json", "weights.safetensors"}
        assert json.loads(archive.read("caviar.json"))["kind"] == "model"


def test_a_run_cannot_be_taken_up_by_another_training(tmp_path: Path) -> None:
    def fit(units: int, *more: Any) -> None:
        model = Sequential([Dense(units), Dense(1)])
        model.compile("adam", "mse")
        model.fit(X, Y, callbacks=[callbacks.BackupAndRestore(tmp_path), *more], verbose=0)

    with pytest.raises(KeyboardInterrupt):
        fit(3, At(0, kill))
    with pytest.raises(errors.FileError, match="another training"):
        fit(4)
