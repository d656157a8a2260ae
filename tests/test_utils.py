"""`caviar.utils`, `datasets` and `random`: values are from Keras 3.15.1 (`data/utils.json`); random numbers are JAX's own."""

from __future__ import annotations

import gzip
import io
import json
import pickle
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from conftest import DATA

import caviar
from caviar import backend, datasets, layers, random, utils
from caviar.data.streams import is_stream
from caviar.datasets import reading, texts
from caviar.errors import ArgumentError, DataError, FileError

RECORDED = json.loads((DATA / "utils.json").read_text())


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of Keras' files, whose hashes are not those of the real ones."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(reading, "get_file", lambda name, origin, file_hash, cache_subdir: tmp_path / "datasets" / name)
    (tmp_path / "datasets").mkdir()
    return tmp_path / "datasets"


def plain(halves: Any) -> Any:
    return [[[list(v) if hasattr(v, "__len__") else float(v) for v in part] for part in half] for half in halves]


@pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: str(case["options"]))
def test_texts_are_read_as_keras_reads_them(case: Any, home: Path) -> None:
    train, test = (texts.as_objects(RECORDED[name]) for name in ("texts", "tests"))
    np.savez(home / "i.npz", x_train=train, y_train=[0, 1, 0, 1, 1, 0], x_test=test, y_test=[1, 0, 1])
    np.savez(home / "r.npz", x=np.concatenate([train, test]), y=np.arange(9))
    assert plain(datasets.imdb.load_data("i.npz", **case["options"])) == case["imdb"]
    assert plain(datasets.reuters.load_data("r.npz", test_split=0.3, **case["options"])) == case["reuters"]


def test_rows_are_divided_as_keras_divides_them(home: Path) -> None:
    np.savez(home / "b.npz", x=np.arange(20.0).reshape(10, 2), y=np.arange(10.0))
    assert plain(datasets.boston_housing.load_data("b.npz", 0.3, 7)) == RECORDED["boston"]
    (x, y), _ = datasets.california_housing.load_data("small", "b.npz", test_split=0.5)
    assert (x.shape, y.shape) == ((5, 2), (5,))


def test_images_are_read(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = np.arange(2 * 784, dtype="uint8").reshape(2, 28, 28), np.array([3, 1], "uint8")
    np.savez(home / "mnist.npz", x_train=images, y_train=labels, x_test=images[:1], y_test=labels[:1])
    (x, y), (x_test, _) = datasets.mnist.load_data()
    assert (x.tolist(), y.tolist(), x_test.shape) == (images.tolist(), [3, 1], (1, 28, 28))
    for half in ("train", "t10k"):
        (home / f"{half}-images-idx3-ubyte.gz").write_bytes(gzip.compress(bytes(16) + images.tobytes()))
        (home / f"{half}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(bytes(8) + labels.tobytes()))
    (x, y), _ = datasets.fashion_mnist.load_data()
    assert (x.tolist(), y.tolist()) == (images.tolist(), [3, 1])
    batch = {b"data": np.arange(2 * 3072, dtype="uint8").reshape(2, -1), b"labels": [5, 6], b"fine_labels": [7, 8]}
    for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch", "train", "test"):
        (home / name).write_bytes(pickle.dumps(batch, protocol=2))
    for module in (datasets.cifar10, datasets.cifar100):
        monkeypatch.setattr(module, "folder", lambda *names: home)
    (x, y), (x_test, _) = datasets.cifar10.load_data()
    assert (x.shape, y[:2].tolist(), x_test.shape) == ((10, 32, 32, 3), [[5], [6]], (2, 32, 32, 3))
    assert x[0, 0, 1].tolist() == [1, 1024 % 256 + 1, 2048 % 256 + 1]
    assert datasets.cifar100.load_data()[0][1].tolist() == [[7], [8]]


def test_a_file_that_would_execute_is_refused() -> None:
    with pytest.raises(FileError, match="which is no data"):
        reading.unpickled(io.BytesIO(pickle.dumps(print)))


def test_what_is_not_there_is_told_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"notes.txt does not exist, .* put the file there"):
        utils.get_file("notes.txt", cache_dir=tmp_path)
    source = tmp_path / "source.txt"
    with pytest.raises(FileError, match=r"cannot be fetched .* fetch it elsewhere and put it at"):
        utils.get_file("notes.txt", origin=source.as_uri(), cache_dir=tmp_path)
    source.write_text("a corpus")
    found = utils.get_file("notes.txt", origin=source.as_uri(), cache_dir=tmp_path)
    assert Path(found) == tmp_path / "datasets" / "notes.txt"
    assert Path(found).read_text() == "a corpus"
    with pytest.raises(FileError, match="its hash is not"):
        utils.get_file("notes.txt", cache_dir=tmp_path, file_hash="0" * 64)


@pytest.mark.parametrize(("options", "expected"), RECORDED["pad"], ids=str)
def test_sequences_are_padded_as_in_keras(options: Any, expected: Any) -> None:
    assert utils.pad_sequences([[1], [2, 3], [4, 5, 6]], **options).tolist() == expected


@pytest.mark.parametrize(("options", "expected"), RECORDED["normalize"], ids=str)
def test_normalize_is_keras(options: Any, expected: Any) -> None:
    np.testing.assert_allclose(utils.normalize(np.array([[3.0, 4.0], [0, 0], [1, -1]]), **options), expected)


@pytest.mark.parametrize(("options", "targets", "expected"), RECORDED["timeseries"], ids=lambda v: str(v)[:40])
def test_windows_of_a_series_are_keras(options: Any, targets: Any, expected: Any) -> None:
    wanted = None if targets is None else np.arange(targets) * 10
    found = utils.timeseries_dataset_from_array(np.arange(12), wanted, **options)
    assert [[np.asarray(v).tolist() for v in b] if targets else np.asarray(b).tolist() for b in found] == expected


def test_data_is_split_as_in_keras() -> None:
    assert [[int(v) for v in part] for part in utils.split_dataset(np.arange(10), left_size=0.7)] == RECORDED["split"]
    both = utils.split_dataset(np.arange(10), left_size=3, right_size=4)
    assert [[int(v) for v in part] for part in both] == RECORDED["split2"]
    with pytest.raises(ArgumentError, match="wants left_size or right_size"):
        utils.split_dataset(np.arange(10))


def test_images_and_arrays() -> None:
    image = utils.array_to_img(np.arange(24).reshape(2, 4, 3) * 10.0)
    assert np.asarray(image).tolist() == RECORDED["img"]
    assert utils.img_to_array(utils.array_to_img(np.ones((2, 3, 1)))).shape == (2, 3, 1)


def folders(path: Path) -> Path:
    for kind, count in (("cat", 3), ("dog", 5)):
        (path / kind).mkdir()
        for i in range(count):
            utils.save_img(path / kind / f"{i}.png", np.full((4, 6, 3), 40 * i + (kind == "dog")), scale=False)
    return path


def test_a_model_learns_from_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = {"image_size": (4, 4), "batch_size": 3, "seed": 1, "validation_split": 0.25, "label_mode": "binary"}
    train, validation = utils.image_dataset_from_directory(folders(tmp_path), subset="both", **options)
    assert "Found 8 files belonging to 2 classes." in capsys.readouterr().out
    assert (train.class_names, len(train), len(validation)) == (["cat", "dog"], 2, 1)
    assert {*train.file_paths} | {*validation.file_paths} == {str(p) for p in tmp_path.rglob("*.png")}
    for images, labels in train:
        assert images.shape[1:] == (4, 4, 3)
        assert labels.ravel().tolist() == [image[0, 0, 0] % 2 for image in images]
    model = caviar.Sequential([layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy")
    scaled = train.map(lambda x, y: (x / 2, y)).cache().prefetch(1)
    history = model.fit(scaled, validation_data=validation, epochs=2, verbose=0)
    assert len(history.history["val_loss"]) == 2


def test_batches_by_number_are_a_stream() -> None:
    class Numbers(utils.PyDataset):
        passes = 0

        def __len__(self) -> int:
            return 3

        def __getitem__(self, index: int) -> Any:
            return np.full((2, 1), index, "float32"), np.full((2, 1), index, "float32")

        def on_epoch_end(self) -> None:
            self.passes += 1

    data = Numbers(workers=2)
    assert is_stream(data)
    assert [int(x[0, 0]) for x, _ in data] == [0, 1, 2]
    assert data.passes == 1
    assert utils.Sequence is utils.PyDataset


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="is not a folder"):
        utils.image_dataset_from_directory(tmp_path / "none")
    with pytest.raises(DataError, match="no files of that kind"):
        utils.text_dataset_from_directory(tmp_path)


def test_random_numbers_follow_their_seed() -> None:
    caviar.config.set_random_seed(0)
    first = random.normal((3,))
    caviar.config.set_random_seed(0)
    assert np.array_equal(first, random.normal((3,)))
    assert not np.array_equal(first, random.normal((3,)))
    assert np.array_equal(random.uniform((3,), seed=1), random.uniform((3,), seed=1))
    seeds = random.SeedGenerator(1)
    assert not np.array_equal(random.uniform((3,), seed=seeds), random.uniform((3,), seed=seeds))
    with pytest.raises(ArgumentError, match="seed is a whole number, a SeedGenerator or None"):
        random.normal((2,), seed="one")


def test_a_layer_draws_anew_at_every_step() -> None:
    class Noisy(layers.Layer):
        def __init__(self, **kwargs: Any):
            super().__init__(**kwargs)
            self.seeds = random.SeedGenerator(7)

        def call(self, x: Any) -> Any:
            return x * 0 + random.normal(jax.numpy.shape(x), seed=self.seeds)

    layer = Noisy()
    x = np.ones((2, 3), "float32")
    assert not np.array_equal(layer(x, training=True), layer(x, training=True))
    assert np.array_equal(layer(x), layer(x))


@pytest.mark.slow
def test_a_session_begins_anew() -> None:
    utils.clear_session()
    assert [layers.Dense(1).name, layers.Dense(1).name] == ["dense", "dense_1"]
    backend.clear_session()
    assert layers.Dense(1).name == "dense"


def test_second_names_are_the_same_classes() -> None:
    assert layers.MaxPool2D is layers.MaxPooling2D
    assert layers.Convolution2D is layers.Conv2D
    assert caviar.models.names.name_of_class(layers.MaxPool2D) == "MaxPooling2D"
    assert caviar.Layer is layers.Layer
