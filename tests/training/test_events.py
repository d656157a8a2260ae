"""Event files are held against TensorBoard's own reader."""

from __future__ import annotations

import importlib
import io
import warnings
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from caviar.errors import ShapeError
from caviar.training import events
from caviar.training.events import EventWriter

accumulator = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")
tensor_util = importlib.import_module("tensorboard.util.tensor_util")
crc32c = importlib.import_module("tensorboard.compat.tensorflow_stub.pywrap_tensorflow")

EVERYTHING = {accumulator.TENSORS: 0, accumulator.SCALARS: 0, accumulator.IMAGES: 0, accumulator.HISTOGRAMS: 0}


def read(folder: Path) -> accumulator.EventAccumulator:
    return accumulator.EventAccumulator(str(folder), size_guidance=EVERYTHING).Reload()


def tensors(folder: Path, tag: str) -> list[tuple[int, np.ndarray]]:
    return [(e.step, tensor_util.make_ndarray(e.tensor_proto)) for e in read(folder).Tensors(tag)]


def test_scalars_come_back_exactly(tmp_path: Path) -> None:
    values = [0.1, -3.0, 1e-30, 256629.3281, float("inf"), np.float32(0.3), np.int64(7), jnp.float32(0.7), True]
    with EventWriter(tmp_path) as writer:
        for step, value in enumerate(values):
            writer.scalar("epoch_loss", value, step, wall_time=1000.5 + step)
    found = read(tmp_path)
    assert [e.wall_time for e in found.Tensors("epoch_loss")] == [1000.5 + i for i in range(len(values))]
    metadata = found.SummaryMetadata("epoch_loss")
    assert (metadata.plugin_data.plugin_name, metadata.data_class) == ("scalars", 1)
    for (step, array), (i, value) in zip(tensors(tmp_path, "epoch_loss"), enumerate(values), strict=True):
        assert (step, array.shape, array.dtype) == (i, (), np.float32)
        assert array == np.float32(value)


def test_a_scalar_too_large_for_float32_is_infinite(tmp_path: Path) -> None:
    with EventWriter(tmp_path) as writer:
        writer.scalar("loss", 1e300, 0)
        writer.scalar("loss", float("nan"), 1)
    (_, large), (_, nan) = tensors(tmp_path, "loss")
    assert np.isposinf(large)
    assert np.isnan(nan)


@pytest.mark.parametrize("step", [0, 1, 127, 128, 300, 2**40, -1])
def test_steps(tmp_path: Path, step: int) -> None:
    with EventWriter(tmp_path) as writer:
        writer.scalar("loss", 1.0, step)
    assert tensors(tmp_path, "loss")[0][0] == step


def test_histograms_are_tensorboards_own(tmp_path: Path) -> None:
    summary = importlib.import_module("tensorboard.plugins.histogram.summary_v2")
    values = np.random.default_rng(0).normal(size=(50, 20))
    with EventWriter(tmp_path) as writer:
        writer.histogram("kernel", values, 3)
    metadata = read(tmp_path).SummaryMetadata("kernel")
    assert (metadata.plugin_data.plugin_name, metadata.data_class) == ("histograms", 2)
    (found,) = tensors(tmp_path, "kernel")
    theirs = tensor_util.make_ndarray(summary.histogram_pb("kernel", values).value[0].tensor)
    assert found[0] == 3
    np.testing.assert_allclose(found[1], theirs, rtol=1e-12)


@pytest.mark.parametrize(
    ("values", "count"),
    [
        (np.full(7, 2.5), 7),
        (np.array([]), 0),
        (np.array([np.nan, np.inf, 1.0, 2.0]), 2),
        (np.array([1.0, 1.0 + 2**-52]), 2),
        (np.array([-1e308, 0.0, 1e308]), 1),
        (np.array([0.0, 5e-324]), 2),
        (np.arange(6, dtype=np.int32), 6),
    ],
    ids=["equal", "empty", "not finite", "narrow", "huge", "denormal", "integers"],
)
def test_histograms_of_odd_values(tmp_path: Path, values: np.ndarray, count: int) -> None:
    with EventWriter(tmp_path) as writer:
        writer.histogram("kernel", values, 0)
    ((_, rows),) = tensors(tmp_path, "kernel")
    assert rows.shape == (30, 3)
    assert rows[:, 2].sum() == count
    assert np.all(rows[:, 0] <= rows[:, 1])


RANDOM = np.random.default_rng(0)
PICTURES = {
    "gray": (RANDOM.integers(0, 256, (5, 7), dtype=np.uint8), "L"),
    "one channel": (RANDOM.integers(0, 256, (5, 7, 1), dtype=np.uint8), "L"),
    "gray, alpha": (RANDOM.integers(0, 256, (5, 7, 2), dtype=np.uint8), "LA"),
    "color": (RANDOM.integers(0, 256, (5, 7, 3), dtype=np.uint8), "RGB"),
    "color, alpha": (RANDOM.integers(0, 256, (5, 7, 4), dtype=np.uint8), "RGBA"),
    "several": (RANDOM.integers(0, 256, (3, 5, 7, 3), dtype=np.uint8), "RGB"),
    "integers": (RANDOM.integers(0, 256, (5, 7)), "L"),
}


@pytest.mark.parametrize(("array", "mode"), PICTURES.values(), ids=PICTURES)
def test_images_come_back_exactly(tmp_path: Path, array: np.ndarray, mode: str) -> None:
    with EventWriter(tmp_path) as writer:
        writer.image("picture", array, 2)
    metadata = read(tmp_path).SummaryMetadata("picture")
    assert (metadata.plugin_data.plugin_name, metadata.data_class) == ("images", 3)
    ((step, (width, height, *files)),) = tensors(tmp_path, "picture")
    assert (step, width, height) == (2, b"7", b"5")
    pictures = [Image.open(io.BytesIO(file)) for file in files]
    assert {p.mode for p in pictures} == {mode}
    np.testing.assert_array_equal(np.stack([np.asarray(p) for p in pictures]).ravel(), array.ravel())


@pytest.mark.parametrize("array", [np.array([[-1.0, 0.0, 0.5, 1.0, 2.0, np.nan]]), np.array([[False, True]])])
def test_floats_and_bools_are_scaled(tmp_path: Path, array: np.ndarray) -> None:
    with EventWriter(tmp_path) as writer:
        writer.image("picture", array, 0)
    ((_, (_, _, file)),) = tensors(tmp_path, "picture")
    shown = np.asarray(Image.open(io.BytesIO(file))).ravel().tolist()
    assert shown == ([0, 0, 128, 255, 255, 0] if array.size == 6 else [0, 255])


@pytest.mark.parametrize("shape", [(3,), (5, 7, 9), (2, 5, 7, 9), (1, 1, 1, 1, 1), (0, 4)])
def test_what_is_no_image_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with EventWriter(tmp_path) as writer, pytest.raises(ShapeError, match="HxWxC"):
        writer.image("picture", np.zeros(shape), 0)


def test_text(tmp_path: Path) -> None:
    with EventWriter(tmp_path) as writer:
        writer.text("model", "# Größe\n\n    Dense(3)")
    assert read(tmp_path).SummaryMetadata("model").plugin_data.plugin_name == "text"
    ((step, array),) = tensors(tmp_path, "model")
    assert step == 0
    assert array.item().decode() == "# Größe\n\n    Dense(3)"


def test_files_are_named_as_tensorboard_finds_them(tmp_path: Path) -> None:
    writers = [EventWriter(tmp_path / "deep" / "er") for _ in range(2)]
    names = [w.path.name for w in writers]
    assert len(set(names)) == 2
    assert all(n.startswith("events.out.tfevents.") for n in names)
    for writer in writers:
        writer.close()


def test_what_is_flushed_can_be_read_while_training_goes_on(tmp_path: Path) -> None:
    writer = EventWriter(tmp_path)
    writer.scalar("loss", 1.0, 0)
    writer.flush()
    assert len(tensors(tmp_path, "loss")) == 1
    writer.scalar("loss", 0.5, 1)
    writer.close()
    writer.close()
    assert len(tensors(tmp_path, "loss")) == 2


def test_a_writer_that_is_forgotten_loses_nothing(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        EventWriter(tmp_path).scalar("loss", 1.0, 0)
    assert len(tensors(tmp_path, "loss")) == 1


def test_checksums_are_crc32c() -> None:
    for content in (b"", b"123456789", bytes(range(256)) * 3):
        theirs = crc32c.masked_crc32c(content)
        assert events._checksum(content) == np.array(theirs, "<u4").tobytes()
