"""Text of people is text: in the table of a model, on every kind of stream."""

from __future__ import annotations

import io

import pytest

from caviar.layers import Dense, Input, ReLU6
from caviar.models import Sequential
from caviar.text import printable, say, snake_case

NAMES = ["[red]", "[/x]", ":smile:", "größe", "{x} %s", "a\n\x1b[31mb", r"$\frac$"]


def model() -> Sequential:
    return Sequential([Input((3,)), *(Dense(1, name=name) for name in NAMES)], name="[/x]\n")


def test_a_layer_is_shown_by_the_name_it_was_given() -> None:
    written: list[str] = []
    model().summary(print_fn=written.append)
    lines = written[0].splitlines()
    assert lines[0] == r"Model: '[/x]\n'"
    shown = [line[1:].split("│")[0].strip() for line in lines if "(Dense)" in line]
    assert shown == [f"{name} (Dense)" for name in [*NAMES[:5], r"a\n\x1b[31mb", NAMES[6]]]


def test_a_terminal_that_knows_ascii_only_gets_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding="ascii"))
    model().summary()
    text = raw.getvalue().decode("ascii")
    assert "| gr??e (Dense) " in text
    assert "+---" in text


@pytest.mark.parametrize(("columns", "width"), [("40", 40), ("60", 60), ("200", 80)])
def test_a_summary_is_no_wider_than_the_terminal(
    columns: str, width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    model().summary()
    assert max(map(len, capsys.readouterr().out.splitlines())) == width


def test_printable_spells_out_what_a_terminal_would_obey() -> None:
    assert printable("größe 损失 \t\r\n\x07\x9b\u202e\udc80") == r"größe 损失 \t\r\n\x07\x9b\u202e\udc80"


@pytest.mark.parametrize(
    ("written", "expected"),
    [("ReLU6", "re_lu6"), ("MyL2Norm", "my_l2_norm"), ("Conv2DTranspose", "conv2d_transpose"), ("GRUCell", "gru_cell"),
     ("KLDivergence", "kl_divergence"), ("SmoothL1Loss", "smooth_l1_loss")],
)  # fmt: skip
def test_a_class_is_named_as_keras_names_it(written: str, expected: str) -> None:
    """Recorded from `to_snake_case` of Keras 3.15.1."""
    assert snake_case(written) == expected


def test_layers_and_losses_take_their_names_from_one_function() -> None:
    assert ReLU6().name.startswith("re_lu6")


def test_say_lets_a_broken_stream_be(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    say("text", closed)
    monkeypatch.setattr("sys.stdout", None)
    say("text")
