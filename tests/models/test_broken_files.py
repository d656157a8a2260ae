"""Whatever is wrong inside a file: one error with the file's name, nothing large is made, no weight is ever a wrong one."""

from __future__ import annotations

import copy
import json
import struct
import time
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import caviar
from caviar import callbacks, initializers, losses, metrics, ops, optimizers
from caviar.errors import FileError, ShapeError
from caviar.graph import Input
from caviar.layers import BatchNormalization, Conv1D, Dense, Dropout, Embedding, Flatten, Lambda, Layer
from caviar.models import Model, Sequential, load_model
from caviar.models.archive import pack
from caviar.regularizers import L2

X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")


def sequential() -> Model:
    model = Sequential([Dense(4, "tanh", kernel_regularizer=L2(0.01)), BatchNormalization(), Dropout(0.1), Dense(1)])
    model.compile(optimizers.Adam(0.01), "mse", metrics=["mae", metrics.MeanSquaredError()])
    model.fit(X, X[:, :1], verbose=0)
    return model


def functional() -> Model:
    x = Input((3,), name="x")
    shared = Dense(3)
    return Model(x, Dense(1)(ops.tanh(shared(x) + shared(x * np.float32(2)))[:, :2]))


def words() -> Model:
    model = Sequential([Embedding(5, 2), Conv1D(2, 2, activation="relu"), Flatten(), Dense(1)])
    model.build((None, 4))
    return model


MAKERS: dict[str, Callable[[], Model]] = {"sequential": sequential, "functional": functional, "words": words}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A file of each kind, once."""
    caviar.config.set_random_seed(0)
    found = {}
    for name, make in MAKERS.items():
        found[name] = tmp_path_factory.mktemp("saved") / f"{name}.caviar"
        make().save(found[name])
    return found


def parts_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(path: Path, parts: dict[str, bytes], deflated: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content, zipfile.ZIP_DEFLATED if name == deflated else zipfile.ZIP_STORED)
    return path


# What is large


def test_a_member_that_nobody_needs_is_not_read(saved: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "model.caviar"
    path.write_bytes(saved["words"].read_bytes())
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("more", bytes(10**8))
    tracemalloc.start()
    load_model(path)
    assert tracemalloc.get_traced_memory()[1] < 10**7
    tracemalloc.stop()


@pytest.mark.parametrize("member", ["caviar.json", "weights.safetensors"])
def test_a_member_is_no_larger_than_the_file(saved: dict[str, Path], tmp_path: Path, member: str) -> None:
    parts = parts_of(saved["words"])
    parts[member] += b" " * 10**7
    tracemalloc.start()
    with pytest.raises(FileError, match=f"its part {member} is said to have 1000.* uncompressed"):
        load_model(zipped(tmp_path / "model.caviar", parts, member))
    assert tracemalloc.get_traced_memory()[1] < 10**8
    tracemalloc.stop()


def edited(path: Path, source: Path, change: Callable[[Any], Any]) -> Path:
    parts = parts_of(source)
    document = json.loads(parts["caviar.json"])
    return zipped(path, {**parts, "caviar.json": json.dumps(change(document) or document).encode()})


def layer(document: Any, number: int) -> Any:
    return document["model"]["config"]["layers"]["list"][number]["config"]


HUGE: dict[str, Callable[[Any], Any]] = {
    "units": lambda d: layer(d, 3).update(units=10**12),
    "vocabulary": lambda d: layer(d, 0).update(input_dim=10**12),
    "inputs": lambda d: d.update(inputs={"list": [{"list": [1, 10**12]}, "int32"]}),
    "variable": lambda d: d.update(model={"variable": 0, "shape": [10**6, 10**6], "dtype": "float32", "trainable": True, "name": "v"}),
    "text": lambda d: d.update(model={"array": ["a"], "dtype": "U1000000000"}),
}  # fmt: skip


@pytest.mark.parametrize("change", HUGE.values(), ids=HUGE)
def test_nothing_is_made_that_is_larger_than_the_weights(
    saved: dict[str, Path], tmp_path: Path, change: Callable[[Any], Any]
) -> None:
    began = time.monotonic()
    with pytest.raises(FileError, match=r"model\.caviar"):
        load_model(edited(tmp_path / "model.caviar", saved["words"], change))
    assert time.monotonic() - began < 30


# What may be named


class Dense2(Layer):
    def call(self, x: Any) -> Any:
        return x * 2


Dense2.__name__ = Dense2.__qualname__ = "Flatten"


def relu(x: Any) -> Any:
    return x * 3


def test_each_name_is_that_of_one_class(tmp_path: Path) -> None:
    steps = optimizers.schedules.Sequential([optimizers.schedules.ExponentialDecay(0.1, 5, 0.5)] * 2, [3])
    model = Sequential([Dense(3, kernel_initializer=initializers.Identity(), input_dim=3), Dense2(), Lambda(relu)])
    model.compile(optimizers.SGD(steps), losses.MeanSquaredError(), metrics=[metrics.MeanSquaredError()])
    model.save(tmp_path / "model.caviar")
    again = load_model(tmp_path / "model.caviar", {"Flatten": Dense2, "relu": relu})
    assert type(again.layers[0].kernel_initializer) is initializers.Identity
    assert type(again.layers[1]) is Dense2
    assert type(again.optimizer.learning_rate) is optimizers.schedules.Sequential
    assert type(again.compiled_with.metrics[0]) is metrics.MeanSquaredError
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    with pytest.raises(FileError, match="'Flatten', which is not caviar's own"):
        load_model(tmp_path / "model.caviar", {"relu": relu})


@pytest.mark.parametrize(
    "name", ["system", "get", "Part", "np", "jax", "load_model", "__import__", "torch.nn.init", "layers.Dense"]
)
@pytest.mark.parametrize("kind", ["class", "function", "op"])
def test_what_a_file_may_name_is_a_list(saved: dict[str, Path], tmp_path: Path, kind: str, name: str) -> None:
    asked = {kind: name, "number": 0, "config": {}}
    with pytest.raises(FileError, match="not caviar's own"):
        load_model(edited(tmp_path / "model.caviar", saved["words"], lambda d: d.update(model=asked)))


# Weights


def weights(path: Path, change: Callable[[dict[str, np.ndarray]], Any]) -> Path:
    """A file of weights of one Dense(1), with a change."""
    tensors: dict[str, Any] = {
        "00000 d/kernel": np.arange(3, dtype="float32")[:, None],
        "00001 d/bias": np.ones(1, "float32"),
    }
    change(tensors)
    document = {"format": 1, "caviar": caviar.__version__, "kind": "weights"}
    return zipped(path, {"caviar.json": json.dumps(document).encode(), "weights.safetensors": pack(tensors)})


def loaded(path: Path) -> list[np.ndarray]:
    model = Sequential([Dense(1, input_dim=3, name="d")])
    model.load_weights(path)
    return model.get_weights()


def test_numbers_that_are_not_finite_are_told(tmp_path: Path) -> None:
    path = weights(tmp_path / "w.caviar", lambda t: t.update({"00000 d/kernel": np.float32([[1], [np.nan], [np.inf]])}))
    with pytest.warns(UserWarning, match=r"w\.caviar: weight 'd/kernel' is not finite") as told:
        kernel, _ = loaded(path)
    assert told[0].filename == __file__
    np.testing.assert_array_equal(kernel[:, 0], [1, np.nan, np.inf])


@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16"])
def test_floats_of_another_type_are_cast_and_told(tmp_path: Path, dtype: str) -> None:
    kernel = np.float64([[0.1], [2], [3]]).astype(
        ops.convert_to_tensor(0, dtype).dtype if dtype != "float64" else dtype
    )
    with pytest.warns(
        UserWarning, match=f"'d/kernel' is of type {dtype}, and the model's float32: the numbers were cast"
    ):
        found, _ = loaded(weights(tmp_path / "w.caviar", lambda t: t.update({"00000 d/kernel": kernel})))
    np.testing.assert_array_equal(found, kernel.astype("float32"))


LOSSY = {
    "too large": np.float64([[1e300], [0], [0]]),
    "integers": np.int32([[1], [2], [3]]),
    "truth": np.array([[True], [False], [True]]),
    "complex": np.complex64([[1j], [0], [0]]),
}


@pytest.mark.parametrize("kernel", LOSSY.values(), ids=LOSSY)
def test_what_does_not_fit_into_the_models_type_is_refused(tmp_path: Path, kernel: np.ndarray) -> None:
    with pytest.raises(FileError, match=rf"w\.caviar: weight 'd/kernel' is of type {kernel.dtype}.*model's float32"):
        loaded(weights(tmp_path / "w.caviar", lambda t: t.update({"00000 d/kernel": kernel})))


def test_weights_of_another_architecture_are_told_where_they_part(tmp_path: Path) -> None:
    with pytest.raises(ShapeError, match=r"w\.caviar holds 3 weights.*has 2.*weight 2: e/gamma there, nothing here"):
        loaded(weights(tmp_path / "w.caviar", lambda t: t.update({"00002 e/gamma": np.ones(1, "float32")})))
    with pytest.raises(ShapeError, match=r"holds 1 weights.*has 2.*weight 1: nothing there, d/bias here"):
        loaded(weights(tmp_path / "w.caviar", lambda t: t.pop("00001 d/bias")))
    with pytest.raises(ShapeError, match=r"weight 'd/kernel' has shape \(2, 1\), and 'd/kernel' of the model \(3, 1\)"):
        loaded(weights(tmp_path / "w.caviar", lambda t: t.update({"00000 d/kernel": np.ones((2, 1), "float32")})))


def test_a_model_of_bfloat16_comes_back(tmp_path: Path) -> None:
    model = Sequential([Dense(2, input_dim=3, dtype="bfloat16")])
    model.save(tmp_path / "model.caviar")
    again = load_model(tmp_path / "model.caviar")
    assert str(again.variables[0].dtype) == "bfloat16"
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])


def test_a_model_that_was_built_or_called_by_hand_comes_back(tmp_path: Path) -> None:
    for make in (lambda m: m.build((None, 3)), lambda m: m(X), lambda m: m(Input((3,)))):
        model = Sequential([Dense(2), Dense(1)])
        make(model)
        model.save(tmp_path / "model.caviar")
        again = load_model(tmp_path / "model.caviar")
        np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


def test_a_model_whose_ranges_are_open_cannot_be_saved(tmp_path: Path) -> None:
    model = Sequential([Dense(caviar.ranges.IntUniform(1, 5), input_dim=3)])
    with pytest.raises(caviar.errors.CaviarError, match=r"units|ranges|no weights"):
        model.save(tmp_path / "model.caviar")
    assert list(tmp_path.iterdir()) == []


def test_a_backup_of_other_metrics_is_refused(tmp_path: Path) -> None:
    class Kill(callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch == 1:
                raise KeyboardInterrupt

    def fit(metric: str, *more: Any) -> None:
        model = Sequential([Dense(1)])
        model.compile("sgd", "mse", metrics=[metric])
        model.fit(X, X[:, :1], batch_size=2, verbose=0, callbacks=[callbacks.BackupAndRestore(tmp_path, 1), *more])

    with pytest.raises(KeyboardInterrupt):
        fit("mae", Kill())
    with pytest.raises(FileError, match="another training"):
        fit("r2_score")


# Anything at all

ODD = [
    None, True, -1, 0, 1.5, 10**12, 10**30, 1e308, "", "x", "tanh", "Dense", [], {}, [[]], {"list": None}, {"again": 0}, {"again": 99},
    {"class": "Dense", "number": 1, "config": {}}, {"class": []}, {"function": "relu"}, {"op": "add"}, {"op": {}}, {"slice": [1]},
    {"array": [[1], [1, 2]], "dtype": "float32"}, {"dict": [[{"list": []}, 1]]}, {"tuple": "ab"}, {"input": 0, "shape": "ab"},
]  # fmt: skip


DEEP = ['{"list": [' * depth + "1" + "]}" * depth for depth in (300, 10**5)]  # beyond what JSON, or Python, can nest


def places(tree: Any) -> list[tuple[Any, Any]]:
    """Everything inside a document, as containers with their keys."""
    found, left = [], [tree]
    while left:
        holder = left.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder)) if isinstance(holder, list) else []
        found += [(holder, key) for key in keys]
        left += [holder[key] for key in keys]
    return found


def changed_document(document: Any, draws: np.random.Generator) -> Any:
    """A document with one to three places altered."""
    for _ in range(draws.integers(1, 4)):
        inside = places(document)
        if not inside:
            break
        (holder, key), (other, name) = (inside[draws.integers(len(inside))] for _ in range(2))
        match draws.integers(6):
            case 0:
                del holder[key]
            case 1:
                holder[key] = json.loads(json.dumps(other[name]))
            case 2:
                for _ in range(draws.choice([3, 60])):
                    holder[key] = {"list": [holder[key]]}
            case _:
                holder[key] = copy.deepcopy(ODD[draws.integers(len(ODD))])
    return document


def altered(source: Path, path: Path, draws: np.random.Generator) -> Path:
    """The file with something wrong: in its document, its members, its headers, or its bytes."""
    parts, content = parts_of(source), bytearray(source.read_bytes())
    names = list(parts)
    match draws.integers(8):
        case 0 | 1 | 2 | 3:
            document = changed_document(json.loads(parts["caviar.json"]), draws)
            text = json.dumps(document).replace('"tanh"', draws.choice(['"tanh"', *DEEP]))
            return zipped(path, {**parts, "caviar.json": text.encode()})
        case 4:
            one, two = (names[draws.integers(len(names))] for _ in range(2))
            return zipped(path, {**parts, one: parts[two]})
        case 5:
            member = bytearray(parts["weights.safetensors"])
            length = struct.unpack("<Q", member[:8])[0]
            for at in draws.integers(0, length + 8, draws.integers(1, 4)):
                member[at] = draws.choice([0, 0x20, 0x30, 0x39, 0x5D, 0x7D, 0xFF, member[at] ^ 1])
            return zipped(path, {**parts, "weights.safetensors": bytes(member)})
        case 6:
            content = content[: draws.integers(len(content))]
        case _:
            for at in draws.integers(0, len(content), draws.integers(1, 6)):
                content[at] ^= 1 << draws.integers(8)
    path.write_bytes(bytes(content))
    return path


def outcome(path: Path, expected: list[np.ndarray]) -> str:
    """What became of loading: "refused", "loaded", or what is wrong with it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            model = load_model(path)
        except FileError as error:
            return "refused" if str(path) in str(error) else f"no name: {error}"
        except BaseException as error:
            return f"{type(error).__name__}: {error}"
    found = model.get_weights()
    same = len(found) == len(expected) and all(
        np.array_equal(a, np.asarray(b).astype(np.asarray(a).dtype)) for a, b in zip(found, expected, strict=True)
    )
    return "loaded" if same else "wrong weights"


@pytest.mark.parametrize("kind", MAKERS)
def test_an_altered_file_is_refused_or_holds_what_was_saved(saved: dict[str, Path], tmp_path: Path, kind: str) -> None:
    expected, draws = load_model(saved[kind]).get_weights(), np.random.default_rng(1)
    found = [outcome(altered(saved[kind], tmp_path / f"{i}.caviar", draws), expected) for i in range(60)]
    assert set(found) == {"refused", "loaded"}
    assert found.count("refused") > found.count("loaded")
