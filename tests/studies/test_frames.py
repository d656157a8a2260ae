"""One program for every size: members of several layer sizes share a frame, and each trains as it would alone."""

from __future__ import annotations

import threading
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compiles import compiles

from caviar import (
    Choice,
    Input,
    IntUniform,
    LogUniform,
    Model,
    Sequential,
    config,
    initializers,
    layers,
    optimizers,
    search,
)
from caviar.callbacks import Callback, EarlyStopping
from caviar.constraints import MaxNorm
from caviar.elementwise import by_element
from caviar.errors import FrameError
from caviar.graph.evaluation import as_arrays, evaluate
from caviar.layers import Dense
from caviar.layers.base import Layer
from caviar.live import Within, masked
from caviar.optimizers import SGD, Adam
from caviar.parts import take_apart
from caviar.regularizers import L2, OrthogonalRegularizer
from caviar.studies.families import Family, Pricing, divided
from caviar.studies.frames import ends, is_functions
from caviar.studies.groups import Group
from caviar.studies.space import Space, Template
from caviar.studies.task import Task, first_that_works
from caviar.training.source import Source, with_validation
from caviar.training.trainee import Trainee

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = X.sum(axis=1, keepdims=True)


def compiled(network: Any, optimizer: Any = None) -> Any:
    network = network if isinstance(network, Trainee) else Sequential(network)
    network.compile(SGD(0.1) if optimizer is None else optimizer, "mse")
    return network


def task_of(network: Any, x: np.ndarray = X, optimizer: Any = None) -> Task:
    model = compiled(network, optimizer)
    space, source = (
        Space(Template(model, model.compiled_with, [], 8)),
        Source(model, x, Y[: len(x)], None, None, 8, True),
    )
    _, names, _ = first_that_works(space, source.first.x)
    rows, _ = with_validation(source, names, 0.0, None)
    assert rows is not None
    return Task(space, rows, None, None, None, "auto")


def family_of(network: Any, x: np.ndarray = X, optimizer: Any = None) -> Family:
    task = task_of(network, x, optimizer)
    values = task.space.at([0.5] * len(task.space.found))
    return Family(task, "key", values, [h.name for h in task.space.found if ends(h.range) or is_functions(h.range)])


# ---------------------------------------------------------------------------------------------------------------------
# Each as it would train alone


@pytest.fixture(scope="module")
def study() -> Any:
    with config.precision("float64"):
        l2 = L2(LogUniform(1e-4, 1e-2))
        model = Sequential(
            [
                Dense(IntUniform(3, 9), Choice("softplus", "tanh", "relu"), kernel_regularizer=l2, name="first"),
                layers.BatchNormalization(),
                layers.Dropout(0.3),
                Dense(Choice(4, 7), "sigmoid", name="second", kernel_constraint=MaxNorm(0.8)),
                Dense(1),
            ]
        )
        model.compile(Adam(LogUniform(1e-3, 1e-1), global_clipnorm=1.0), "mse")
        with compiles() as count:
            found = search(
                model,
                X,
                Y,
                trials=12,
                epochs=6,
                seed=0,
                verbose=0,
                keep=12,
                validation_split=0.25,
                callbacks=[EarlyStopping(patience=9)],
            )
        return found, count()


def test_many_sizes_and_activations_are_one_program(study: Any) -> None:
    found, programs = study
    assert len({(r["first.units"], r["first.activation"], r["second.units"]) for r in found.table()}) > 9
    assert programs <= 3  # to train and to start, and a number that is converted


@pytest.mark.parametrize("trial", [0, 1, 2])
def test_a_member_of_a_frame_trains_as_it_would_alone(study: Any, trial: int) -> None:
    with config.precision("float64"):
        alone = study[0].untrained(trial)
        history = alone.fit(
            X, Y, epochs=6, verbose=0, validation_split=0.25, callbacks=[EarlyStopping(patience=9)]
        ).history
    for name, curve in study[0].curves(trial).items():
        np.testing.assert_allclose(curve, history[name], rtol=1e-12, err_msg=name)


def test_models_have_their_true_shapes(study: Any, tmp_path: Any) -> None:
    found = study[0]
    with config.precision("float64"):
        for row in found.table():
            shapes = [w.shape for w in found.model(row["trial"]).get_weights()]
            assert shapes[0] == (3, row["first.units"])
            assert shapes[-4] == (row["first.units"], row["second.units"])
        best = found.best_model
        loss = best.evaluate(X[30:], Y[30:], verbose=0)
        assert found.best_value == pytest.approx(loss, rel=1e-12)
        assert np.isfinite(found.ensemble(3).predict(X, verbose=0)).all()
        best.save(tmp_path / "best.caviar")


# ---------------------------------------------------------------------------------------------------------------------
# Contracts of the families


def padded(live: Any, own: np.ndarray, shape: Any) -> jax.Array:
    full = np.zeros(shape, own.dtype)
    full[np.ix_(*live)] = own
    return jnp.asarray(full)


OPTIMIZERS = [
    cls
    for name in optimizers.__all__
    if isinstance(cls := getattr(optimizers, name), type) and issubclass(cls, optimizers.Optimizer)
]


@pytest.mark.parametrize("optimizer", [o for o in OPTIMIZERS if o.by_element], ids=lambda o: o.__name__)
def test_an_optimizer_moves_a_part_of_a_weight_as_if_it_were_all(optimizer: Any) -> None:
    live = (np.array([1, 0, 1, 1], bool), np.array([1, 1, 0], bool))
    options = [{}, {"weight_decay": 0.1, "use_ema": True}, {"global_clipnorm": 0.5}, {"clipnorm": 0.5}]
    with config.precision("float64"):
        for given in options:
            made = optimizer(0.05, **given)
            own = jnp.asarray(RNG.normal(size=(3, 2)))
            wide = padded(live, np.asarray(own), (4, 3))
            state, wide_state = made.init([own]), made.init([wide])
            for step in range(3):
                gradient = RNG.normal(size=(3, 2)) * (step + 1)
                (own,), state = made.update([jnp.asarray(gradient)], state, [own])
                (wide,), wide_state = made.update([padded(live, gradient, (4, 3))], wide_state, [wide])
            np.testing.assert_allclose(np.asarray(wide)[np.ix_(*live)], own, rtol=1e-12, err_msg=str(given))
            assert not np.asarray(wide)[~np.multiply.outer(*live)].any()


INITIALIZERS: list[Any] = [
    *(initializers.GlorotNormal(), initializers.GlorotUniform(), initializers.HeNormal(), initializers.HeUniform()),
    *(
        initializers.LecunNormal(),
        initializers.LecunUniform(),
        initializers.RandomNormal(),
        initializers.RandomUniform(),
    ),
    *(initializers.TruncatedNormal(), initializers.SmallRandom(), initializers.Ones(), initializers.Zeros()),
    *(initializers.Constant(3.0), initializers.Identity(2.0), initializers.Orthogonal(2.0)),
    initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal"),
]


@pytest.mark.parametrize("initializer", INITIALIZERS, ids=lambda i: type(i).__name__)
@pytest.mark.parametrize("own", [(4, 3), (3, 5), (5, 5)])
def test_an_initializer_draws_within_a_frame_what_it_draws_alone(initializer: Any, own: tuple[int, int]) -> None:
    frame, key = (6, 7), jax.random.key(1)
    live = [np.isin(np.arange(n), RNG.permutation(n)[:k]) for n, k in zip(frame, own, strict=True)]
    assert initializer.in_frames
    draw = jax.jit(lambda axes: masked(initializer(key, Within.of(frame, axes)), axes))
    found = np.asarray(draw([jnp.asarray(axis, "float32") for axis in live]))
    np.testing.assert_allclose(found[np.ix_(*live)], initializer(key, own), rtol=1e-5, atol=1e-6)
    assert not found[~np.multiply.outer(*live)].any()


def attending() -> Any:
    given = Input((4, 3))
    x = layers.Dense(Choice(4, 6))(given)
    y = layers.MultiHeadAttention(Choice(1, 2), Choice(2, 3))(x, x)
    return Model(given, Dense(1)(layers.Flatten()(layers.LayerNormalization()(layers.Add()([x, y])))))


def branches() -> Any:
    given, width = Input((3,)), units()
    a, b = Dense(width, "sigmoid")(given), Dense(width)(given)
    merged = [
        layers.Add()([a, b]),
        layers.Multiply()([a, b]),
        layers.Maximum()([a, b]),
        layers.Average()([a, b]),
        Dense(units())(given),
    ]
    return Model(given, Dense(1)(layers.Dropout(0.3)(layers.Concatenate()(merged))))


def units(low: int = 2, high: int = 5) -> IntUniform:
    return IntUniform(low, high)


IMAGES, WORDS, SERIES = RNG.normal(size=(8, 6, 6, 2)), RNG.integers(0, 9, (8, 4)), RNG.normal(size=(8, 4, 3))
NETWORKS: dict[str, tuple[Any, np.ndarray]] = {
    "dense": (lambda: [Dense(units(), "softplus"), Dense(units(), "sigmoid", use_bias=False), Dense(1)], X),
    "normalized": (
        lambda: [Dense(units()), layers.BatchNormalization(), layers.Dropout(0.5), layers.ReLU(), Dense(1)],
        X,
    ),
    "rearranged": (
        lambda: [
            Dense(units()),
            layers.RepeatVector(2),
            layers.Permute((2, 1)),
            layers.Flatten(),
            layers.Dropout(0.5),
            Dense(1),
        ],
        X,
    ),
    "layer normalization": (lambda: [Dense(units(), "softplus"), layers.LayerNormalization(), Dense(1)], X),
    "other normalization": (
        lambda: [
            *(Dense(units(), "softplus"), layers.RMSNormalization(), Dense(units(), "softplus")),
            *(layers.UnitNormalization(), Dense(Choice(4, 8), "softplus"), layers.GroupNormalization(2), Dense(1)),
        ],
        X,
    ),
    "normalized images": (
        lambda: [
            *(layers.Conv2D(Choice(2, 4, 6), 3, activation="softplus"), layers.GroupNormalization(2, scale=False)),
            *(layers.Conv2D(units(), 2), layers.GroupNormalization(-1), layers.GlobalMaxPooling2D(), Dense(1)),
        ],
        IMAGES,
    ),
    "convolutions": (
        lambda: [
            *(
                layers.Conv2D(units(), 3, padding="same", activation="softplus"),
                layers.MaxPooling2D(),
                layers.PReLU(shared_axes=[1, 2]),
            ),
            *(layers.SpatialDropout2D(0.3), layers.DepthwiseConv2D(2, depth_multiplier=Choice(1, 2), padding="same")),
            *(layers.SeparableConv2D(units(), 2, depth_multiplier=Choice(1, 3)), layers.Conv2DTranspose(units(), 2)),
            *(layers.UpSampling2D(), layers.ZeroPadding2D(1), layers.Cropping2D(1), layers.AveragePooling2D(2)),
            *(layers.Dropout(0.2), layers.Flatten(), layers.Dropout(0.2), layers.Dense(1)),
        ],
        IMAGES,
    ),
    "of sequences": (
        lambda: [
            layers.Conv1D(units(), 2, padding="causal"),
            layers.BatchNormalization(),
            layers.GlobalAveragePooling1D(),
            Dense(1),
        ],
        SERIES,
    ),
    "of volumes": (
        lambda: [layers.Conv3D(units(), 2), layers.GlobalMaxPooling3D(), Dense(1)],
        RNG.normal(size=(8, 3, 3, 3, 2)),
    ),
    "of words": (
        lambda: [
            layers.Embedding(Choice(9, 12), units()),
            layers.Bidirectional(layers.LSTM(units(), return_sequences=True)),
            *(layers.GRU(units()), Dense(1)),
        ],
        WORDS,
    ),
    "recurrent": (
        lambda: [
            *(
                layers.SimpleRNN(units(), return_sequences=True, dropout=0.2, recurrent_dropout=0.2),
                layers.TimeDistributed(Dense(units(), "sigmoid")),
            ),
            *(layers.GRU(units(), reset_after=False, return_sequences=True), layers.LSTM(units()), Dense(1)),
        ],
        SERIES,
    ),
    "attention": (attending, SERIES),
    "branches": (branches, X),
    "noise": (
        lambda: [
            Dense(units()),
            layers.GaussianNoise(0.1),
            layers.GaussianDropout(0.1),
            layers.AlphaDropout(0.1),
            Dense(1),
        ],
        X,
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_in_a_frame_gives_what_it_gives_alone(name: str) -> None:
    make, x = NETWORKS[name]
    with config.precision("float64"):
        x = x if x.dtype == np.int64 else x.astype("float64")
        family = family_of(make(), x)
        assert family.sizes, "the sizes are shared"
        values = {**family.values, **{n: low for n, (low, _) in family.sizes.items()}}
        largest = {n: high for n, (_, high) in family.sizes.items()}
        frame = family._made(values, family.sizes, {})
        assert frame is not None
        assert frame.sizes == largest
        own = take_apart(family.task.recipe(values)[0])
        weights = [RNG.normal(size=v.shape) for v in own.variables]
        member = frame.place(values)
        wide = [
            padded(member.weights.get(id(v), [np.ones(n, bool) for n in v.shape]), w, v.shape)
            for v, w in zip(frame._variables, weights, strict=True)
        ]
        numbers = as_arrays(
            [
                frame.own(values)[n.origin] if hasattr(n, "origin") and isinstance(n, np.ndarray) else n
                for n in frame.apart.numbers
            ]
        )
        inferred, outputs, gradients = _run(own, as_arrays(own.numbers), weights, x)
        wide_inferred, wide_outputs, wide_gradients = _run(frame.apart, numbers, wide, x)
    np.testing.assert_allclose(wide_inferred, inferred, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(wide_outputs, outputs, rtol=1e-10, atol=1e-12)
    for one, other in zip(frame.cut(values, wide_gradients), gradients, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-11)


def _run(apart: Any, numbers: Any, values: Any, x: Any) -> Any:
    """What is predicted, what training gives, and the gradients in training."""

    def outputs(values: Any, training: bool) -> Any:
        key, call = jax.random.key(0), lambda r: r.outputs(jnp.asarray(x))[0]
        return evaluate(apart.structure, numbers, values, training=training, rng=key, call=call).outputs

    def total(values: Any) -> Any:
        found = outputs(values, True)
        return jnp.sum(jnp.sin(found)), found

    def program(values: Any) -> Any:
        (_, found), gradients = jax.value_and_grad(total, has_aux=True)(values)
        return outputs(values, False), found, gradients

    return jax.device_get(jax.jit(program)([np.asarray(v) for v in values]))


# ---------------------------------------------------------------------------------------------------------------------
# What cannot share, has programs of its own


class Mine(Layer):
    def __init__(self, width: Any):
        super().__init__()
        self.width = width

    def build(self, input_shape: Any) -> None:
        self.add_weight("kernel", (input_shape[-1], self.width))

    def call(self, x: Any) -> Any:
        return jax.nn.softmax(x @ self.kernel)


class MyDense(Dense):
    def call(self, x: Any) -> Any:
        return super().call(x) / self.units


class Within5(Dense):
    """Says nothing new."""


REFUSED: dict[str, tuple[Any, Any]] = {
    "a layer of the user's": (lambda: [Mine(units()), Dense(1)], None),
    "a layer whose call the user has changed": (lambda: [MyDense(units()), Dense(1)], None),
    "softmax over the units": (lambda: [Dense(units(), "softmax"), Dense(1)], None),
    "Adafactor": (lambda: [Dense(units()), Dense(1)], optimizers.Adafactor()),
    "Adam that divides by zero": (lambda: [Dense(units()), Dense(1)], Adam(epsilon=0.0)),
    "a penalty on whole matrices": (
        lambda: [Dense(units(), kernel_regularizer=OrthogonalRegularizer()), Dense(1)],
        None,
    ),
    "a penalty on the outputs of a layer inside another": (
        lambda: [
            layers.RepeatVector(2),
            layers.TimeDistributed(Dense(units(), activity_regularizer=L2(0.1))),
            layers.Flatten(),
            Dense(1),
        ],
        None,
    ),
    "a penalty on outputs": (lambda: [Dense(units(), "sigmoid", activity_regularizer=L2(0.1)), Dense(1)], None),
    "a constraint of the user's": (
        lambda: [Dense(units(), kernel_constraint=lambda w: w - w.mean()), Dense(1)],
        None,
    ),
    "an initializer of the user's": (
        lambda: [Dense(units(), kernel_initializer=lambda k, s, d: jnp.ones(s, d)), Dense(1)],
        None,
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_looks_at_whole_layers_is_no_frame(name: str) -> None:
    make, optimizer = REFUSED[name]
    family = family_of(make(), optimizer=optimizer)
    assert not family.sizes
    assert family.frame_of(family.values) == (None, None)


def test_a_layer_derived_without_a_word_on_how_it_computes_shares() -> None:
    assert family_of([Within5(units()), Dense(1)]).sizes


def test_sizes_that_cannot_be_shared_leave_the_others() -> None:
    family = family_of([Dense(units(), name="one"), Mine(units()), Dense(units(), name="two"), Dense(1)])
    assert [*family.sizes] == ["two.units"]  # Mine sees the units of `one`
    family = family_of(
        [layers.Reshape((3, 1)), layers.Conv1D(2, IntUniform(1, 3)), layers.Flatten(), Dense(units()), Dense(1)]
    )
    assert [*family.sizes] == ["dense.units"]


def test_an_activation_that_the_loss_looks_behind_is_no_choice_of_a_frame() -> None:
    assert not family_of([Dense(4), Dense(1, Choice("sigmoid", "tanh"))]).choices
    assert family_of([Dense(4, Choice("sigmoid", "tanh")), Dense(1)]).choices


def test_functions_are_looked_at() -> None:
    assert by_element(lambda x: jnp.where(x > 0, x, jnp.expm1(x)))
    assert not by_element(lambda x: x - x.mean())
    assert not by_element(lambda x: x * jnp.arange(5))
    assert not by_element(lambda x: x[::-1])


def test_a_search_goes_without_frames_if_asked() -> None:
    with compiles() as count:
        found = search(
            compiled([Dense(Choice(2, 3)), Dense(1)]), X, Y, trials=2, strategy="grid", seed=0, verbose=0, frames=0
        )
    assert count() >= 4
    assert {r["status"] for r in found.table()} == {"finished"}


def test_members_with_other_initializers_share_a_program_and_train_as_they_would_alone() -> None:
    begins = Choice("glorot_uniform", "he_normal", "zeros"), Choice("zeros", "ones")
    with config.precision("float64"):
        model = compiled(
            [Dense(IntUniform(3, 9), "tanh", kernel_initializer=begins[0]), Dense(1, bias_initializer=begins[1])]
        )
        with compiles() as count:
            found = search(model, X, Y, trials=12, epochs=3, seed=0, verbose=0)
        assert count() <= 3
        rows = found.table()
        assert len({(row["dense.kernel_initializer"], row["dense_1.bias_initializer"]) for row in rows}) == 6
        for trial in range(6):
            alone = found.untrained(trial).fit(X, Y, epochs=3, verbose=0).history["loss"]
            np.testing.assert_allclose(found.curves(trial)["loss"], alone, rtol=1e-12)


def test_members_of_several_batch_sizes_share_a_program_and_train_as_they_would_alone() -> None:
    """Batches are padded to the largest; 45 rows in batches of 64, 10, 8 and 4 are 1, 5, 6 and 12 steps."""
    with config.precision("float64"):
        network = [Dense(IntUniform(3, 9), "tanh"), layers.BatchNormalization(), layers.Dropout(0.3), Dense(1)]
        model, x = Sequential(network), RNG.normal(size=(45, 3))
        model.compile(Adam(LogUniform(1e-3, 1e-1), global_clipnorm=1.0), "mse", metrics=["mae"])
        given = {"epochs": 4, "validation_split": 0.2, "verbose": 0}
        with compiles() as count:
            found = search(model, x, x[:, :1], trials=16, seed=0, batch_size=Choice(4, 8, 10, 64), **given)
        assert count() <= 3
        rows = {row["batch_size"]: row["trial"] for row in found.table()}
        assert set(rows) == {4, 8, 10, 64}
        for batch_size, trial in rows.items():
            alone = found.untrained(trial).fit(x, x[:, :1], batch_size=batch_size, **given)
            curves = found.curves(trial)
            for name, values in alone.history.items():
                np.testing.assert_allclose(curves[name], values, rtol=1e-12)


def test_where_rows_are_looked_at_together_each_batch_size_has_a_program() -> None:
    model = compiled([layers.Lambda(lambda x: x - x.mean(0)), Dense(Choice(2, 3)), Dense(1)])
    with compiles() as count:
        found = search(model, X, Y, trials=8, seed=0, verbose=0, batch_size=Choice(4, 20))
    assert count() >= 4
    assert {row["status"] for row in found.table()} == {"finished"}


def test_batch_sizes_are_programs_of_their_own_where_padding_costs_more() -> None:
    task = task_of([Dense(64), Dense(64), Dense(1)])
    task.space.template.batch_size = Choice(16, 128)
    space = Space(task.space.template)
    task.space = space
    family = Family(task, "key", {"batch_size": 16}, ["batch_size"])
    members = [{"batch_size": n} for n in (16, 128) * 20]
    for rows, boxes in ((10**4, [((16, 128),)]), (10**6, [((16, 16),), ((17, 128),)])):
        family.boxes.clear()
        family.plan(members, Pricing(40, rows), 40)
        assert family.boxes == {"[]": boxes}
    assert family.frame_of({"batch_size": 16})[1].batch_size == 16  # type: ignore[union-attr]


# ---------------------------------------------------------------------------------------------------------------------
# Planning


def test_a_wide_range_becomes_a_few_frames_and_a_narrow_one_becomes_one() -> None:
    task = task_of([Dense(IntUniform(16, 1024)), Dense(IntUniform(16, 1024)), Dense(1)])
    members = [{"dense.units": int(a), "dense_1.units": int(b)} for a, b in RNG.integers(16, 1025, (200, 2))]
    family = Family(task, "key", {"dense.units": 16, "dense_1.units": 16}, ["dense.units", "dense_1.units"])
    family.plan(members, Pricing(200, 10**5), 200)
    (boxes,) = family.boxes.values()
    assert 3 <= len(boxes) <= 16
    for values in members:
        assert sum(all(lo <= v <= hi for (lo, hi), v in zip(box, values.values(), strict=True)) for box in boxes) == 1
    narrow = family_of([Dense(IntUniform(50, 100)), Dense(1)])
    narrow.plan([{"dense.units": n} for n in range(50, 101)], Pricing(200, 10**5), 51)
    assert narrow.boxes == {"[]": [((50, 100),)]}


def test_boxes_are_as_many_as_are_wanted() -> None:
    points = [(n,) for n in range(1, 101)]
    assert divided(((1, 100),), points, lambda s: s[0], price=1e9, most=3) == divided(
        ((1, 100),), points, lambda s: s[0], price=0, most=3
    )
    assert len(divided(((1, 100),), points, lambda s: s[0], price=0, most=3)) == 3


def test_a_shape_that_would_mix_units_is_no_frame() -> None:
    assert not family_of([Dense(Choice(4, 6, 8)), layers.Reshape((2, -1)), layers.Flatten(), Dense(1)]).sizes
    with pytest.raises(FrameError):
        family_of([Dense(units()), Dense(1)])._made({}, {"dense.units": (2, 5)}, {}).own({"dense.units": 9})  # type: ignore[union-attr]


# ---------------------------------------------------------------------------------------------------------------------
# Compiling


def test_training_begins_with_what_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    heard, prepare, asked = threading.Event(), Group.prepare, iter(range(9))

    def waiting(self: Group, *given: Any) -> None:
        if next(asked) > 0:
            assert heard.wait(60), "the first program trains while the second is compiled"
        prepare(self, *given)

    class Hears(Callback):
        pace = "run"

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            heard.set()

    monkeypatch.setattr(Group, "prepare", waiting)
    model = compiled([Dense(Choice(2, 3)), Dense(1)])
    found = search(model, X, Y, trials=2, strategy="grid", seed=0, verbose=0, frames=0, callbacks=[Hears()])
    assert {row["status"] for row in found.table()} == {"finished"}


def test_a_program_that_cannot_be_compiled_fails_its_members_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    prepare = Group.prepare

    def failing(self: Group, seats: Any, lanes: Any = None) -> None:
        if seats[0].values["dense.units"] == 3:
            raise MemoryError("too large")
        prepare(self, seats, lanes)

    monkeypatch.setattr(Group, "prepare", failing)
    found = search(
        compiled([Dense(Choice(2, 3)), Dense(1)]), X, Y, trials=2, strategy="grid", seed=0, verbose=0, frames=0
    )
    assert {row["dense.units"]: row["status"] for row in found.table()} == {2: "finished", 3: "failed"}


@pytest.mark.parametrize(("members", "sample", "times"), [(100, 25, 4.0), (10, 25, 1.0), (100, 0, 100.0), (1, 1, 1.0)])
def test_a_search_has_so_many_times_the_members_of_a_sample(members: int, sample: int, times: float) -> None:
    assert Pricing(members, rows=1).share(sample) == times
