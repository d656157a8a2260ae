"""What is nonsense is told where it is given: every argument of every public class is held against its declaration."""

from __future__ import annotations

import contextlib
import gc
import importlib
import inspect
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from caviar import callbacks, initializers, layers, losses, metrics, optimizers
from caviar.arguments import Checked, annotations_of, bound, declared, signature_of
from caviar.declarations import PLAIN, Number, Share, Size, fits
from caviar.errors import ArgumentError, CaviarError, ShapeError, UnknownNameError
from caviar.graph import Input, Variable
from caviar.layers import BatchNormalization, Dense, Dropout, Layer, weights
from caviar.models import Model, Sequential
from caviar.optimizers import schedules
from caviar.parts import Part, float_fields, take_apart
from caviar.ranges import Choice, IntUniform, LogUniform, Uniform

FAMILIES = [
    "callbacks", "graph", "initializers", "layers", "losses", "metrics", "models", "optimizers", "optimizers.schedules", "ranges",
    "regularizers",
]  # fmt: skip
X = np.ones((4, 3), "float32")
NAN, INF = math.nan, math.inf
CANDIDATES = [
    NAN, INF, -INF, -1, -0.5, 0, 0.5, 1, 1.5, 2.5, 10**30, 1e300, "3", "no such", True, None, b"x", 1j, [], [[]], {}, object(),
    [NAN], (-1, -1), np.float32(NAN), np.full(3, NAN), jnp.asarray(NAN), Uniform(-5, 5.5), Choice(-1, NAN, "no such"),
]  # fmt: skip
ANY_NUMBER = {  # float arguments for which every finite number makes sense
    "alpha", "default_value", "fill_value", "gain", "high", "initial_value_threshold", "loss_weights", "low", "lower", "mask_value",
    "max_val", "maxval", "mean", "min_delta", "min_val", "minval", "muon_a", "muon_b", "muon_c", "threshold", "upper",
}  # fmt: skip
ANY_INT = {"high", "ignore_class", "low", "oov_token"}
UNCHECKED = {"dtype"}


def classes() -> Iterator[type]:
    for family in FAMILIES:
        module = importlib.import_module(f"caviar.{family}")
        for name in getattr(module, "__all__", vars(module)):
            found = getattr(module, name)
            if inspect.isclass(found) and issubclass(found, Checked) and name[0].isupper():
                yield found


CLASSES = sorted(set(classes()), key=lambda c: (c.__module__, c.__name__))
ARGUMENTS = [(c, name) for c in CLASSES for name in signature_of(c).parameters if name in declared(c)]


def test_the_table_holds_every_family() -> None:
    assert len(CLASSES) > 250
    assert len(ARGUMENTS) > 1200


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
def test_what_is_not_declared_is_refused_where_it_is_given(cls: type) -> None:
    for name in signature_of(cls).parameters:
        declaration = declared(cls).get(name)
        if declaration is None:
            continue
        wrong = [v for v in CANDIDATES if not fits(declaration, v)]
        assert len(wrong) >= 4, f"{name} takes anything"
        for value in wrong:
            with pytest.raises(ArgumentError, match=f"^{name} of {cls.__name__} must be .*, and "):
                cls(**{name: value})


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
def test_every_default_is_allowed(cls: type) -> None:
    for name, parameter in signature_of(cls).parameters.items():
        if name in declared(cls) and parameter.default is not parameter.empty:
            assert fits(declared(cls)[name], parameter.default), name


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
def test_every_number_flag_and_text_is_declared_and_numbers_say_which(cls: type) -> None:
    for name, parameter in signature_of(cls).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        annotation = str(parameter.annotation)
        if any(word in annotation.split() for word in ("int", "float", "bool", "str")):
            assert name in declared(cls) or name in UNCHECKED, name
        resolved = annotations_of(cls).get(name, (None, True))[0]
        assert resolved is not float or name in ANY_NUMBER, f"{name} of {cls.__name__} is any number?"
        assert resolved is not int or name in ANY_INT, f"{name} of {cls.__name__} is any int?"


REFUSED: dict[str, Callable[[], Any]] = {  # what Keras 3.15 refuses too, unless it says "ours"
    "no units": lambda: Dense(0),
    "fewer than no units": lambda: Dense(-3),
    "half a unit": lambda: Dense(2.5),
    "text as units": lambda: Dense("3"),
    "True as units (ours)": lambda: Dense(True),
    "no filters": lambda: layers.Conv2D(0, 3),
    "no kernel": lambda: layers.Conv2D(3, (3, 0)),
    "no heads": lambda: layers.MultiHeadAttention(0, 3),
    "no ids": lambda: layers.Embedding(0, 3),
    "no groups": lambda: layers.GroupNormalization(0),
    "a rate above 1": lambda: Dropout(1.5),
    "a rate in a cell above 1 (ours)": lambda: layers.LSTM(3, recurrent_dropout=1.5),
    "a momentum above 1 (ours)": lambda: BatchNormalization(momentum=2),
    "a slope below 0": lambda: layers.LeakyReLU(-1),
    "text as a shape": lambda: Input("abc"),
    "a size below 0": lambda: Input((3, -1)),
    "an unknown padding": lambda: layers.Conv2D(3, 3, padding="sane"),
    "a variance of 0": lambda: initializers.VarianceScaling(0),
    "a rate below 0 (ours)": lambda: optimizers.Adam(-1),
    "a rate that is NaN (ours)": lambda: optimizers.SGD(NAN),
    "a rate that float32 does not hold (ours)": lambda: optimizers.SGD(1e300),
    "a momentum of 1.5": lambda: optimizers.SGD(momentum=1.5),
    "a beta of 1 (ours)": lambda: optimizers.Adam(beta_2=1),
    "clipping below 0 (ours)": lambda: optimizers.Adam(clipnorm=-1),
    "a decay below 0 (ours)": lambda: optimizers.AdamW(weight_decay=-0.1),
    "a schedule of the user's that gives NaN (ours)": lambda: optimizers.Adam(lambda step: NAN),
    "a schedule of no steps": lambda: schedules.ExponentialDecay(0.1, 0, 0.9),
    "a smoothing above 1 (ours)": lambda: losses.BinaryCrossentropy(label_smoothing=1.5),
    "a width below 0 (ours)": lambda: losses.Huber(-1),
    "an unknown reduction": lambda: losses.MeanSquaredError(reduction="meen"),
    "no candidates (ours)": lambda: metrics.TopKCategoricalAccuracy(0),
    "one threshold": lambda: metrics.AUC(num_thresholds=1),
    "a threshold above 1": lambda: metrics.Precision([0.5, 1.5]),
    "patience below 0 (ours)": lambda: callbacks.EarlyStopping(patience=-1),
    "half an epoch of patience (ours)": lambda: callbacks.EarlyStopping(patience=1.5),
    "text as patience (ours)": lambda: callbacks.EarlyStopping(patience="a"),
    "a factor that does not lower": lambda: callbacks.ReduceLROnPlateau(factor=1),
    "a range that leaves the interval": lambda: Dropout(Uniform(0.5, 1.5)),
    "a range of floats for units": lambda: Dense(Uniform(8, 64)),
    "one option that is nonsense": lambda: Dense(Choice(8, 0)),
}


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED)
def test_nonsense_is_refused(make: Callable[[], Any]) -> None:
    with pytest.raises(ArgumentError):
        make()


ALLOWED: list[Callable[[], Any]] = [
    lambda: Dense(np.int64(3)),
    lambda: Dense(IntUniform(8, 64)),
    lambda: Dense(Choice(8, 64), kernel_regularizer=Choice(None, "l2")),
    lambda: Dropout(np.float32(0.5)),
    lambda: Dropout(jnp.asarray(0.5)),
    lambda: Dropout(0),
    lambda: Dropout(1),
    lambda: layers.Conv2D(3, [3, np.int32(3)], strides=(2, 1)),
    lambda: layers.GroupNormalization(-1),
    lambda: optimizers.Adam(LogUniform(1e-4, 1e-1)),
    lambda: optimizers.Adam(schedules.ExponentialDecay(0.1, 10, 0.9)),
    lambda: optimizers.Adam(lambda step: 0.1 / (1 + step)),
    lambda: initializers.Constant([[1.0, 2], [3, 4]]),
    lambda: callbacks.EarlyStopping(verbose=True, baseline=-INF),
]


@pytest.mark.parametrize("make", ALLOWED)
def test_what_makes_sense_is_taken(make: Callable[[], Any]) -> None:
    make()


def test_the_answer_says_what_where_and_what_to_write() -> None:
    with pytest.raises(
        ArgumentError, match=r"^rate of Dropout must be a number of at least 0 and at most 1, and is 1.5: write 1$"
    ):
        Dropout(1.5)
    with pytest.raises(ArgumentError, match=r"Uniform\(8, 64\) reaches 8.0: write IntUniform\(8, 64\)$"):
        Dense(Uniform(8, 64))
    with pytest.raises(UnknownNameError, match="did you mean 'units'"):
        Dense(unit=3)
    with pytest.raises(UnknownNameError, match="did you mean 'same'"):
        layers.Conv1D(3, 3, padding="sam")


def test_a_traced_number_is_taken_as_it_is() -> None:
    assert jax.jit(lambda rate: layers.ELU(rate).alpha)(0.5) == 0.5


def test_numbers_are_checked_whenever_they_change() -> None:
    layer = Dropout(0.5)
    with pytest.raises(ArgumentError, match="rate of Dropout"):
        layer.rate = 1.5
    optimizer = optimizers.SGD(0.1)
    with pytest.raises(ArgumentError, match="learning_rate of SGD"):
        optimizer.learning_rate = -1
    model = Sequential([Dense(1)])
    model.compile(optimizer, "mse")
    model.fit(X, X[:, :1], verbose=0)
    for wrong in (NAN, -1, "fast", None):
        with pytest.raises(ArgumentError, match="learning_rate of SGD"):
            model.controls["learning_rate"] = wrong
    for wrong in (NAN, -0.1, None):
        with pytest.raises(ArgumentError, match=r"the schedule gave .* for epoch 0"):
            model.fit(X, X[:, :1], verbose=0, callbacks=[callbacks.LearningRateScheduler({0: wrong}.get)])
    assert (layer.rate, optimizer.learning_rate) == (0.5, 0.1)


class Scaled(Layer):
    """As a user writes one: some arguments are declared, others carry plain hints."""

    def __init__(self, rate: Share, size: int = None, depth: Size = 1, **kwargs: Any):  # noqa: RUF013
        super().__init__(**kwargs)
        self.rate, self.size = rate, size


def test_a_users_class_is_checked_where_it_declares_and_nowhere_else() -> None:
    Scaled(0.5, "small")
    Scaled(0.5, size=2.5, depth=3, name="scaled")
    scaled = Scaled(0.5)
    scaled.rate = "an attribute of one's own need not be the argument"
    with pytest.raises(ArgumentError, match="rate of Scaled"):
        Scaled(2)
    with pytest.raises(ArgumentError, match="depth of Scaled"):
        Scaled(0.5, depth=0)
    with pytest.raises(ArgumentError, match="trainable of Scaled"):
        Scaled(0.5, trainable="no")


@dataclass(eq=False, repr=False)
class Declared(Part):
    share: Share = 0.5
    anything: Annotated[Any, Number(above=0)] = 2.0
    size: Size = 1


def test_what_is_a_number_of_a_program_is_read_off_the_same_declaration() -> None:
    assert float_fields(Declared) == {"share", "anything"}
    assert take_apart(Declared(1, 3, 7)).numbers == [1.0, 3.0]


def test_an_argument_that_nobody_declares_is_still_bound_by_its_name() -> None:
    assert bound(Dense, (3, "relu"), {"name": "a"}) == {"units": 3, "activation": "relu", "name": "a"}
    assert set(PLAIN) == {int, float, bool, str, type(None)}


FIT: dict[str, tuple[dict[str, Any], str]] = {
    "half an epoch": ({"epochs": 2.5}, "epochs of fit"),
    "text as epochs": ({"epochs": "3"}, "write 3"),
    "True as a batch": ({"batch_size": True}, "batch_size of fit"),
    "a range as a batch": ({"batch_size": IntUniform(8, 32)}, "batch_size of fit"),
    "an unknown verbosity": ({"verbose": "loud"}, "verbose of fit"),
    "a split of 1": ({"validation_split": 1.0}, "validation_split of fit"),
    "a split that is NaN": ({"validation_split": NAN}, "validation_split of fit"),
    "never validating": ({"validation_freq": 0}, "validation_freq of fit"),
    "steps below 0": ({"steps_per_epoch": -1}, "steps_per_epoch of fit"),
    "an epoch before the first": ({"initial_epoch": -1}, "initial_epoch of fit"),
}


@pytest.fixture(scope="module")
def model() -> Sequential:
    made = Sequential([Dense(1)])
    made.compile("sgd", "mse")
    return made


@pytest.mark.parametrize(("arguments", "says"), FIT.values(), ids=FIT)
def test_the_arguments_of_fit(model: Sequential, arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        model.fit(X, X[:, :1], **arguments)


def test_the_arguments_of_evaluate_and_predict(model: Sequential) -> None:
    with pytest.raises(ArgumentError, match="batch_size of predict"):
        model.predict(X, batch_size=0)
    with pytest.raises(ArgumentError, match="steps of evaluate"):
        model.evaluate(X, X[:, :1], steps=-1)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"loss": "mse", "metrics": 3}, "a metric is a name, a Metric or a function"),
        ({"loss": "mse", "metrics": ["acuracy"]}, "did you mean 'accuracy'"),
        ({"loss": "mse", "loss_weights": ["a"]}, "loss_weights are numbers"),
        ({"loss": "mse", "loss_weights": [NAN]}, "loss_weights are numbers"),
        ({"loss": 3}, "unknown loss"),
    ],
)
def test_the_arguments_of_compile(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        Sequential([Dense(1)]).compile("adam", **given)


class Adding(Layer):
    def call(self, x: Any) -> Any:
        self.add_loss(jnp.mean(x))
        return x


def test_training_needs_something_to_minimise() -> None:
    """As in Keras: a loss, or what layers add."""
    made = Sequential([Dense(1)])
    made.compile("sgd")
    for train in (made.fit, made.train_on_batch):
        with pytest.raises(ArgumentError, match="nothing to minimise"):
            train(X, X[:, :1])
    for layer in (Adding(), Dense(1, kernel_regularizer="l2"), Dense(1, activity_regularizer="l1")):
        made = Sequential([Dense(1), layer])
        made.compile("sgd")
        made.train_on_batch(X, X[:, :1])


# What a layer's own `call` does wrong


class Branching(Layer):
    def call(self, x: Any) -> Any:
        return x if x.sum() > 0 else -x


class InNumpy(Layer):
    def call(self, x: Any) -> Any:
        return np.asarray(x)


class Raising(Layer):
    def call(self, x: Any) -> Any:
        raise ValueError("the shape of my thoughts")


class Misfit(Layer):
    def call(self, x: Any) -> Any:
        return x @ jnp.ones((7, 2))


@pytest.mark.parametrize("layer", [Branching, InNumpy])
def test_a_value_is_not_known_while_a_program_is_compiled(layer: type[Layer]) -> None:
    for call in (lambda: layer()(X), lambda: layer()(Input((3,))), lambda: Sequential([layer()]).predict(X)):
        with pytest.raises(ArgumentError, match=r"looks at a value in Python .* use caviar.ops.where"):
            call()


def test_what_a_users_call_raises_stays_as_it_is() -> None:
    with pytest.raises(ValueError, match=r"^the shape of my thoughts"):
        Raising()(X)
    with pytest.raises(ShapeError, match=r"was given \(4, 3\), which does not fit what its `call` computes"):
        Misfit()(X)


class Forgiving(Layer):
    def __init__(self) -> None:
        super().__init__()
        self.inner, self.drop = Raising(), Dropout(0.5)

    def call(self, x: Any) -> Any:
        with contextlib.suppress(ValueError):
            x = self.inner(x, training=True)
        return self.drop(x)


def test_a_layer_that_raises_leaves_the_mode_as_it_was() -> None:
    assert Forgiving()(X).tolist() == X.tolist()  # the dropout after it does not train


class Pair(NamedTuple):
    dense: Any
    norm: Any


class InATuple(Model):
    def __init__(self) -> None:
        super().__init__()
        self.pair = Pair(Dense(3), BatchNormalization())

    def call(self, x: Any) -> Any:
        return self.pair.norm(self.pair.dense(x))


def test_a_layer_in_a_named_tuple_keeps_its_state() -> None:
    made = InATuple()
    made.compile("sgd", "mse")
    made.fit(X, X, epochs=2, verbose=0)
    assert made.pair.norm.moving_variance.numpy() == pytest.approx(np.full(3, 0.99**2))


# Sizes against the memory of the machine


@pytest.mark.parametrize(
    "make",
    [
        lambda: Dense(10**12)(X),
        lambda: Dense(10**12)(Input((3,))),
        lambda: layers.LSTM(10**6)(np.ones((2, 3, 4))),
        lambda: layers.Embedding(10**9, 10**5)(np.ones((2, 3))),
        lambda: layers.RepeatVector(10**12)(X),
        lambda: layers.CategoryEncoding(10**13)(np.ones((1, 4))),
    ],
)
def test_what_the_machine_cannot_hold_is_refused_before_it_is_made(make: Callable[[], Any]) -> None:
    with pytest.raises(ShapeError, match=r"would take .* [TP]iB.*, and this machine has"):
        make()


def test_the_weights_of_layers_made_one_by_one_are_summed_as_long_as_they_live(monkeypatch: pytest.MonkeyPatch) -> None:
    gc.collect()
    room = weights._drawn_so_far.bytes + 1000
    monkeypatch.setattr(weights, "memory", lambda: room)

    def after(x: Any, layers: int) -> Any:
        for _ in range(layers):
            x = Dense(10, use_bias=False)(x)  # 400 bytes
        return x

    with pytest.raises(ShapeError, match=r"would take 400 bytes, and .* with the weights before it"):
        after(Input((10,)), 3)
    for _ in range(3):  # models that are gone take nothing
        after(Input((10,)), 2)


def test_everything_refused_is_one_of_ours() -> None:
    """Also the arguments that nobody declared: nothing foreign is raised where nonsense is given."""
    foreign = []
    for cls in CLASSES:
        for name, parameter in signature_of(cls).parameters.items():
            if name in declared(cls) or parameter.kind not in (1, 3) or (cls, name) == (Variable, "value"):
                continue  # told above, cannot be given by name, or data
            for value in CANDIDATES:
                try:
                    cls(**{name: value})
                except (CaviarError, TypeError) as error:  # Python's own for an argument that is missing
                    if not isinstance(error, CaviarError) and "missing" not in str(error):
                        foreign.append((cls.__name__, name, value, error))
                except Exception as error:
                    foreign.append((cls.__name__, name, value, error))
    assert foreign == []
