"""What a training shows: in a terminal, in a notebook, in a file, and nothing at all."""

from __future__ import annotations

import io
import os
import re
import types

import numpy as np
import pytest
from compiles import compiles

from caviar.errors import ArgumentError
from caviar.layers import Dense
from caviar.models import Sequential
from caviar.training import progress as module
from caviar.training.progress import Progress

LINE = re.compile(r"Epoch +(\d+)/(\d+) - (\d+)/(\d+) - \d+s \d+(s|ms|us)/step - loss: \S+")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    def screen(self) -> list[str]:
        """What the lines look like once every "\\r" has taken the cursor back."""
        lines = []
        for written in self.getvalue().split("\n"):
            shown = ""
            for piece in written.split("\r"):
                shown = piece + shown[len(piece) :]
            lines.append(shown.rstrip())
        return lines


class Notebook(io.StringIO):
    pass


Notebook.__module__ = "ipykernel.iostream"


class Broken(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that stands still until a test moves it."""
    now = [100.0]
    monkeypatch.setattr(module.time, "perf_counter", lambda: now[0])
    return now


def train(stream: io.StringIO | None, epochs: int, verbose: int | str = "auto", ran: int | None = None) -> None:
    with Progress(epochs, 22, verbose, stream) as progress:
        for epoch in range(epochs if ran is None else ran):
            progress.epoch_begin(epoch)
            progress.epoch_end(epoch, {"loss": 1 / (epoch + 2)}, seconds=0.044)


def epochs_of(text: str) -> list[int]:
    return [int(LINE.fullmatch(line)[1]) for line in text.splitlines()]


def test_silent() -> None:
    stream = Terminal()
    train(stream, 300, verbose=0)
    assert stream.getvalue() == ""


def test_a_line_an_epoch() -> None:
    stream = io.StringIO()
    train(stream, 3, verbose=2)
    assert stream.getvalue().splitlines() == [
        "Epoch 1/3 - 22/22 - 0s 2ms/step - loss: 0.5000",
        "Epoch 2/3 - 22/22 - 0s 2ms/step - loss: 0.3333",
        "Epoch 3/3 - 22/22 - 0s 2ms/step - loss: 0.2500",
    ]


@pytest.mark.parametrize("verbose", ["auto", 1])
@pytest.mark.parametrize("epochs", [1, 2, 12, 13, 300, 100_000])
def test_in_a_file_a_handful_of_lines_the_first_and_the_last_among_them(epochs: int, verbose: int | str) -> None:
    stream = io.StringIO()
    train(stream, epochs, verbose)
    shown = epochs_of(stream.getvalue())
    assert len(shown) <= 12
    assert shown == sorted(set(shown))
    assert shown[0] == 1
    assert shown[-1] == epochs
    assert epochs > 12 or shown == list(range(1, epochs + 1))


@pytest.mark.parametrize("ran", [1, 2, 50, 299])
def test_the_last_line_is_there_when_training_stops_early(ran: int) -> None:
    stream = io.StringIO()
    train(stream, 300, ran=ran)
    shown = epochs_of(stream.getvalue())
    assert shown[-1] == ran
    assert len(shown) <= 12


def test_a_resumed_training_shows_its_first_epoch() -> None:
    stream = io.StringIO()
    with Progress(300, 22, stream=stream) as progress:
        for epoch in range(99, 300):
            progress.epoch_end(epoch, {"loss": 0.5}, 0.1)
    assert epochs_of(stream.getvalue())[0] == 100


@pytest.mark.parametrize("kind", [Terminal, Notebook])
def test_one_living_line(kind: type[io.StringIO]) -> None:
    stream = kind()
    train(stream, 300)
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert text.endswith("Epoch 300/300 - 22/22 - 0s 2ms/step - loss: 0.0033\n")
    assert "\rEpoch 1/300 - " in text


def test_the_living_line_is_drawn_ten_times_a_second(clock: list[float]) -> None:
    stream = Terminal()
    with Progress(2000, 22, stream=stream) as progress:
        for epoch in range(1000):
            clock[0] += 0.002
            progress.epoch_end(epoch, {"loss": 0.5}, 0.002)
        assert 15 <= stream.getvalue().count("\r") <= 21


def test_a_burst_leaves_its_last_epoch_on_the_screen(clock: list[float]) -> None:
    stream = Terminal()
    with Progress(100, 22, stream=stream) as progress:
        for burst in range(2):
            clock[0] += 5
            for epoch in range(burst * 50, burst * 50 + 50):
                progress.epoch_end(epoch, {"loss": 0.5}, 0.1, more=epoch % 50 < 49)
            assert stream.screen()[-1].startswith(f"Epoch {burst * 50 + 50}/100 - ")


def test_a_shorter_line_leaves_nothing_of_the_longer(clock: list[float]) -> None:
    stream = Terminal()
    progress = Progress(2, 22, stream=stream)
    progress.epoch_end(0, {"loss": 0.5, "accuracy": 0.25}, 0.044)
    clock[0] += 1
    progress.epoch_end(1, {"loss": 0.5}, 0.044)
    assert stream.screen() == ["Epoch 2/2 - 22/22 - 0s 2ms/step - loss: 0.5000"]


WHOLE = "Epoch 1/300 - 22/22 - 0s 2ms/step - loss: 0.4321 - accuracy: 0.8765 - val_loss: 0.5432 - val_accuracy: 0.7654"
LOGS = {"loss": 0.4321, "accuracy": 0.8765, "val_loss": 0.5432, "val_accuracy": 0.7654}


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (120, WHOLE),
        (100, "Epoch 1/300 - 22/22 - loss: 0.4321 - accuracy: 0.8765 - val_loss: 0.5432 - val_accuracy: 0.7654"),
        (90, "Epoch 1/300 - loss: 0.4321 - accuracy: 0.8765 - val_loss: 0.5432 - val_accuracy: 0.7654"),
        (80, "Epoch 1/300 - loss: 0.4321 (val: 0.5432) - accuracy: 0.8765 (val: 0.7654)"),
        (60, "Epoch 1/300 - loss: 0.4321 (val: 0.5432) ..."),
        (40, "Epoch 1/300 - loss: 0.4321 ..."),
        (10, "Epoch 1/3"),
    ],
)  # fmt: skip
def test_the_living_line_shows_what_fits_and_the_last_one_everything(
    columns: int, line: str, monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    stream = Terminal()
    with Progress(300, 22, stream=stream) as progress:
        progress.epoch_end(0, LOGS, 0.044)
        assert stream.screen() == [line]
    assert max(map(len, stream.screen())) < max(columns, 23)
    assert re.sub("\n +", " - ", "\n".join(stream.screen())) == WHOLE + "\n"


def test_a_wide_letter_takes_two_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    stream = Terminal()
    Progress(3, 22, stream=stream).epoch_end(0, {"损失": 0.5, "准确率": 0.25}, 0.044)
    assert stream.screen() == ["Epoch 1/3 - 损失: 0.5000 ..."]


def test_a_name_is_text() -> None:
    stream = io.StringIO()
    Progress(1, 1, 2, stream).epoch_end(0, {"a\nb\x1b[31m{x}": 0.5}, 0.0)
    assert stream.getvalue() == "Epoch 1/1 - 1/1 - 0s 0s/step - a\\nb\\x1b[31m{x}: 0.5000\n"


class Program:
    """Takes 10 s to compile and 1 s to run; another kind of argument is compiled anew."""

    def __init__(self, clock: list[float]):
        self.clock, self.known = clock, set[type]()

    @property
    def versions(self) -> int:
        return len(self.known)

    def lower(self, argument: object) -> Program:
        return self

    def compile(self) -> None:
        """What is compiled ahead is not called yet."""

    def __call__(self, argument: object) -> object:
        self.clock[0] += 1 if type(argument) in self.known else 10
        self.known.add(type(argument))
        return argument


def test_compiling_is_told_and_is_no_part_of_a_step(clock: list[float]) -> None:
    stream, program = Terminal(), Program(clock)
    progress = Progress(3, 20, stream=stream)
    progress.epoch_begin(0)
    clock[0] += 5  # shapes are found, data are moved
    assert progress.call(program, 1) == 1
    assert stream.screen() == ["Epoch 1/3 - compiling"]
    progress.call(program, 1)
    progress.update(1, {"loss": 0.25})
    assert stream.screen() == ["Epoch 1/3 -  1/20 - ETA: 19s 1s/step - loss: 0.2500"]
    progress.call(program, 1.0)  # the last batch has another shape
    progress.update(2, {"loss": 0.25})
    assert stream.screen() == ["Epoch 1/3 -  2/20 - ETA: 9s 500ms/step - loss: 0.2500"]


def test_compiling_leaves_no_trace_in_a_file(clock: list[float]) -> None:
    stream, program = io.StringIO(), Program(clock)
    with Progress(1, 20, stream=stream) as progress:
        start = progress.now()
        progress.call(program, 1)
        progress.call(program, 1)
        progress.epoch_end(0, {}, progress.now() - start)
    assert stream.getvalue() == "Epoch 1/1 - 20/20 - 1s 50ms/step\n"


def everything(units: int) -> None:
    x = np.ones((8, 3), np.float32)
    model = Sequential([Dense(units), Dense(1)])
    model.compile("sgd", "mse")
    model.fit(x, x[:, :1], epochs=1, batch_size=4, verbose=2)
    model.evaluate(x, x[:, :1], batch_size=4)
    model.predict(x, batch_size=4)
    model.fit(((x, x[:, :1]) for _ in range(2)), epochs=1, verbose=2)
    model.evaluate((x, x[:, :1]) for _ in range(3))


@pytest.mark.slow
def test_nothing_counts_the_compiler(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    everything(units=6)  # what is compiled for any model is compiled
    capsys.readouterr()
    with compiles() as count:
        only_compiling_takes_time = types.SimpleNamespace(perf_counter=lambda: 100.0 * count())
        monkeypatch.setattr(module, "time", only_compiling_takes_time)
        everything(units=7)
        assert count() >= 5
    lines = capsys.readouterr().out.splitlines()
    shown = [re.sub("^Epoch 1/1 - | - loss: .*", "", line) for line in lines]
    assert shown == [*["2/2 - 0s 0s/step"] * 4, "3/3 - 0s 0s/step"]


def test_steps_of_a_long_epoch(clock: list[float]) -> None:
    stream = Terminal()
    progress = Progress(3, 200, stream=stream)
    progress.epoch_begin(0)
    clock[0] += 4
    progress.update(50, {"loss": 0.25})
    assert stream.screen() == ["Epoch 1/3 -  50/200 - ETA: 12s 80ms/step - loss: 0.2500"]
    piped = io.StringIO()
    Progress(3, 200, stream=piped).update(50, {"loss": 0.25})
    assert piped.getvalue() == ""


def test_steps_of_unknown_number(clock: list[float]) -> None:
    stream = Terminal()
    progress = Progress(3, None, stream=stream)
    progress.epoch_begin(0)
    clock[0] += 1
    progress.update(50)
    assert stream.screen() == ["Epoch 1/3 -      50/Unknown - 20ms/step"]
    clock[0] += 1
    progress.epoch_end(0, None, 2.0)
    assert stream.screen() == ["Epoch 1/3 - 50/50 - 2s 40ms/step"]


@pytest.mark.parametrize("kind", [Terminal, io.StringIO])
def test_evaluation_has_no_epochs(kind: type[io.StringIO]) -> None:
    stream = kind()
    with Progress(None, 7, stream=stream) as progress:
        progress.epoch_begin(0)
        progress.epoch_end(0, {"loss": 0.5, "accuracy": 0.75}, 0.7)
    assert stream.getvalue().lstrip("\r") == "7/7 - 1s 100ms/step - loss: 0.5000 - accuracy: 0.7500\n"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (256629.328125, "256629.3281"),
        (0.00123, "0.0012"),
        (0.0004321, "4.3210e-04"),
        (-0.0004321, "-4.3210e-04"),
        (0.0, "0.0000e+00"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
    ],
)
def test_numbers_as_keras_writes_them(value: float, shown: str) -> None:
    stream = io.StringIO()
    Progress(1, 1, 2, stream).epoch_end(0, {"loss": value}, 0.0)
    assert stream.getvalue() == f"Epoch 1/1 - 1/1 - 0s 0s/step - loss: {shown}\n"


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.0, "0s"), (2e-5, "20us"), (9e-4, "900us"), (0.002, "2ms"), (0.5, "500ms"), (3.0, "3s")]
)
def test_time_of_a_step_as_keras_writes_it(seconds: float, shown: str) -> None:
    stream = io.StringIO()
    Progress(1, 1, 2, stream).epoch_end(0, {}, seconds)
    assert stream.getvalue().endswith(f" {shown}/step\n")


@pytest.mark.parametrize("verbose", [0, 1, 2, "auto"])
def test_no_stream_ends_a_training(verbose: int | str, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    for stream in (closed, Broken()):
        train(stream, 3, verbose)
    monkeypatch.setattr(module.sys, "stdout", None)
    train(None, 3, verbose)


def test_characters_that_the_stream_lacks() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", newline="\n")
    Progress(1, 1, 2, stream).epoch_end(0, {"größe": 0.5}, 0.0)
    assert raw.getvalue() == b"Epoch 1/1 - 1/1 - 0s 0s/step - gr??e: 0.5000\n"


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")
def test_a_real_terminal() -> None:
    leader, follower = os.openpty()
    with os.fdopen(follower, "w") as stream:
        train(stream, 3)
        shown = ""
        while "\n" not in shown:  # a terminal delivers in pieces
            shown += os.read(leader, 10_000).decode()
    os.close(leader)
    assert shown.endswith("\n")
    assert shown.startswith("\rEpoch 1/3 - ")


def test_verbose_is_checked() -> None:
    with pytest.raises(ArgumentError, match="verbose is 0"):
        Progress(1, 1, verbose=3)
