"""One program for many numbers of rows: the arrays have room for more, and how many rows are real is a number."""

import math

import numpy as np
import pytest
from compiles import compiles

import caviar
from caviar import callbacks, errors, layers, models
from caviar.training import padding
from caviar.training.padding import is_worthwhile, room_for

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.standard_normal((400, 4)).astype("float32"), RANDOM.standard_normal((400, 1)).astype("float32")
FOLDS = [183, 181, 186, 190, 187, 185, 189, 191]


def network():
    return models.Sequential(
        [layers.Dense(5), layers.BatchNormalization(), layers.ReLU(), layers.Dropout(0.3), layers.Dense(1)]
    )


def trained(rows, make=network, batch_size=8, **given):
    caviar.utils.set_random_seed(3)
    model = make()
    model.compile(optimizer="adam", loss="mse", metrics=["mae"])
    split = given or {"validation_data": (X[: rows // 4], Y[: rows // 4])}
    history = model.fit(X[:rows], Y[:rows], batch_size=batch_size, epochs=2, verbose=0, **split)
    return model, history.history, model.evaluate(X[: rows // 3], Y[: rows // 3], batch_size=batch_size, verbose=0)


@pytest.mark.parametrize("rows", [183, 184, 180, 35, 7])
def test_room_for_more_rows_changes_no_bit(rows, monkeypatch):
    """A padded batch; whole batches alone; a step of its own; an epoch that ends within the rows."""
    model, history, scores = trained(rows)
    monkeypatch.setattr(padding, "_ROOMY", -1)
    alone, history_alone, scores_alone = trained(rows)
    for shared, own in zip(model.get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_array_equal(shared, own)
    assert (history, scores) == (history_alone, scores_alone)


def test_the_folds_of_a_cross_validation_compile_once():
    trained(FOLDS[0])
    trained(184)
    with compiles() as count:
        for rows in (*FOLDS[1:], 176):
            trained(rows)
    assert count() == 0


def test_epochs_that_continue_share_a_program_too(monkeypatch):
    class Seeing(layers.Layer):
        def call(self, x):
            seen.append(x.shape)
            return x

    def network():
        return models.Sequential([Seeing(), layers.Dense(1)])

    seen: list = []
    given = {"steps_per_epoch": 5}
    weights = [trained(rows, network, **given)[0].get_weights() for rows in (187, 179)]
    count = len(seen)
    trained(171, network, **given)
    assert len(seen) <= count + 8, "only what builds it is traced again"  # 171, 179 and 187 leave 3 rows
    monkeypatch.setattr(padding, "_ROOMY", -1)
    for rows, own in zip((187, 179), weights, strict=True):
        np.testing.assert_array_equal(trained(rows, network, **given)[0].get_weights()[0], own[0])


def test_few_programs_serve_every_number_of_rows():
    rooms = {room_for(rows, 32, padding=True) for rows in range(32, 10_000)}
    assert len(rooms) < 100
    for rows in range(1, 2000):
        for size in {min(size, rows) for size in (1, 2, 7, 32, 100)}:
            for may in (True, False):
                size = padding.batch_for(rows, size, may)
                room = room_for(rows, size, may)
                assert rows <= room <= max(1.25 * (rows + size), rows)
                assert is_worthwhile(room, size) == is_worthwhile(rows, size) or (may and not is_worthwhile(rows, size))
                assert (room % size == 0) == (rows % size == 0)
                assert may or room % size == rows % size
                assert math.ceil(room / size) >= math.ceil(rows / size)


def test_numbers_of_rows_below_one_batch_share_programs_too():
    trained(19, batch_size=32)
    with compiles() as count:
        trained(18, batch_size=32)
    assert count() == 0


def test_large_arrays_get_no_spare_rows():
    assert room_for(700, 32, padding=True, bytes_each=2**20) == 700


class Ended(Exception):
    """A training that was killed."""


def test_a_backup_is_of_its_own_number_of_rows(tmp_path):
    def backed_up(rows, *others):
        backup = callbacks.BackupAndRestore(tmp_path, save_freq=3)
        return trained(rows, callbacks=[backup, *others])[0]

    def stop(batch, logs):
        if batch == 9:
            raise Ended

    whole = backed_up(183)
    with pytest.raises(Ended):
        backed_up(183, callbacks.LambdaCallback(on_train_batch_end=stop))
    with pytest.raises(errors.FileError, match="another"):
        backed_up(185)
    for one, other in zip(whole.get_weights(), backed_up(183).get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
