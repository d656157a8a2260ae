"""Models in files: one zip of JSON and safetensors, written as a whole or not at all, and loaded without executing anything."""

from __future__ import annotations

import json
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from caviar import config, engine
from caviar.errors import ArgumentError, FileError
from caviar.files import reading
from caviar.layers.base import ensure_built
from caviar.layers.weights import at_most
from caviar.models.archive import OPTIMIZER, RUN, STATISTICS, WEIGHTS, pack, read, unpack, write
from caviar.models.as_json import Reader, Writer
from caviar.models.weights import assign_all, check_names, fitting
from caviar.parts import take_apart
from caviar.training.loop import Training
from caviar.training.state import Run
from caviar.training.trainee import Trainee

T = TypeVar("T", bound=Trainee)


def save_model(model: Trainee, path: Any, overwrite: bool = True) -> None:
    """Save architecture, weights, what `compile` was given, and the optimizer's state."""
    model.require_built("saving")
    inputs = write_specs(model.called_with if model.built_for is None else model.built_for)
    document: dict[str, Any] = {"kind": "model", "model": Writer()(model), "inputs": inputs}
    parts = {WEIGHTS: pack(_weights(model))}
    if model.columns is not None:
        document["columns"] = model.columns
    if model.compiled_with is not None:
        document["compiled"] = {k: Writer()(v) for k, v in vars(model.compiled_with).items()}
        run = model.last_run if model.training_under_way is None else model.training_under_way.run
        if run is not None:
            parts[OPTIMIZER] = pack(_leaves(run.optimizer))
            document["run"] = {"step": int(run.step), "rate": float(run.rate)}
    write(path, document, parts, overwrite)


def read_model(path: Any, kind: type[T], custom_objects: dict[str, Any] | None = None, compile: bool = True) -> T:
    """The model of this kind that `save_model` wrote."""
    with reading(path) as named:
        document, parts = read(named, "model")
        tensors = unpack(parts, WEIGHTS)
        model = _model_of(document, kind, tensors, custom_objects)
        values = fitting(model, tensors)
        check_names(model, tensors)
        if compile and "compiled" in document:
            model.compile(**{k: Reader(custom_objects)(v) for k, v in document["compiled"].items()})
            if "run" in document:
                model.last_run = _run_of(model, document["run"], unpack(parts, OPTIMIZER))
    assign_all(model, values, tensors, named)
    return model


def _model_of(
    document: dict[str, Any], kind: type[T], tensors: dict[str, np.ndarray], custom_objects: dict[str, Any] | None
) -> T:
    """The model that the document describes; it may have no more weights than the file."""
    count = sum(tensor.size for tensor in tensors.values())
    with at_most(count):
        model = Reader(custom_objects, count)(document["model"])
        if not isinstance(model, kind):
            raise FileError(f"it describes {model!r}, which is not a model")
        if document["inputs"] is not None:
            model.built_for = read_specs(document["inputs"])
        model.columns = document.get("columns")
        ensure_built(model, model.input_specs)
    return model


def to_json(model: Trainee, **kwargs: Any) -> str:
    """The architecture of a model as text, without weights; `kwargs` are those of `json.dumps`."""
    return json.dumps(Writer()(model), **kwargs)


def save_weights(model: Trainee, path: Any, overwrite: bool = True) -> None:
    """Save the weights alone."""
    model.require_built("saving weights")
    write(path, {"kind": "weights"}, {WEIGHTS: pack(_weights(model))}, overwrite)


def load_weights(model: Trainee, path: Any) -> None:
    """Load the weights of a weights file or a model file into a model of the same architecture."""
    model.require_built("loading weights")
    with reading(path) as named:
        _, parts = read(named, "weights", "model")
        tensors = unpack(parts, WEIGHTS)
    assign_all(model, fitting(model, tensors, named), tensors, named)


def save_run(model: Trainee, path: Any) -> None:
    """Save the complete state of the training under way: the run, its numbers and its callbacks at one moment.

    The present state of all callbacks is saved, so the one that calls this should be called last (`Callback.hears_last`).
    """
    training = _under_way(model, "save_run saves")
    training.take_changes(take_apart(training.recipe))
    parts = {RUN: pack(_leaves(_stored(training))), STATISTICS: pack(_leaves(training.statistics))}
    told = {
        "callbacks": training.listeners.callbacks.get_state(),
        "controls": _changed(training.controls, model.controls.snapshot()),
        "logs": training.listeners.logs,
        "stopping": bool(model.stop_training),
    }
    write(path, {"kind": "run", **{name: Writer()(value) for name, value in told.items()}}, parts)


def restore_run(model: Trainee, path: Any) -> None:
    """Continue a training that `save_run` saved; called when the same `fit` begins."""
    training = _under_way(model, "restore_run goes on with")
    with reading(path) as named:
        document, parts = read(named, "run")
        run: Run = _unleave(_stored(training), unpack(parts, RUN))
        statistics = unpack(parts, STATISTICS)
        told = {name: Reader()(document[name]) for name in ("callbacks", "controls", "logs", "stopping")}
        _set_controls(model, told["controls"])
        training.taken = int(run.step) - int(training.run.step)
        # what lies beyond the rows is never looked at
        order = jnp.asarray(np.resize(run.order, training.run.order.shape))
        training.run = training.finished = run._replace(keys=config.as_key(run.keys), order=order)
        training.restored = [statistics[name] for name in sorted(statistics)]
        training.store()
        training.listeners.restore(int(run.epoch), told["logs"])
        training.listeners.callbacks.set_state(told["callbacks"])
        model.stop_training = told["stopping"]


def _stored(training: Training) -> Run:
    """The run as it is stored: without padding."""
    run = training.run
    return run._replace(keys=jax.random.key_data(run.keys), order=run.order[: training.plan.rows])


def _under_way(model: Trainee, what: str) -> Training:
    if model.training_under_way is None:
        raise ArgumentError(f"{what} a training under way: call it from a callback")
    if model.training_under_way.listeners.pace == "run":
        raise ArgumentError(f'{what} a training at the pace of epochs: the callback that calls it needs pace = "epoch"')
    return model.training_under_way


def _changed(before: dict[str, float], now: dict[str, float]) -> dict[str, float]:
    """The numbers that callbacks changed; one that was switched off is 0."""
    return {name: now.get(name, 0.0) for name in {**before, **now} if now.get(name, 0.0) != before.get(name, 0.0)}


def _set_controls(model: Trainee, values: dict[str, float]) -> None:
    known = model.controls.snapshot()
    for name, value in values.items():
        if name not in known:
            raise FileError(f"a callback switched the number {name!r} on: give it in the model instead of 0")
        model.controls[name] = value


def _weights(model: Trainee) -> dict[str, np.ndarray]:
    return {f"{i:05d} {v.path}": np.asarray(v.value) for i, v in enumerate(model.variables)}


def _leaves(tree: Any) -> dict[str, np.ndarray]:
    return {f"{i:05d}": np.asarray(leaf) for i, leaf in enumerate(jax.tree.leaves(tree))}


def _unleave(pattern: Any, tensors: dict[str, np.ndarray]) -> Any:
    leaves, structure = jax.tree.flatten(pattern)
    found = [tensors[name] for name in sorted(tensors)]
    if [(t.shape, t.dtype) for t in found] != [(tuple(leaf.shape), leaf.dtype) for leaf in leaves]:
        raise FileError(
            "it holds the state of another training: its network, optimizer, callbacks or number of rows differ"
        )
    return jax.tree.unflatten(structure, [jnp.asarray(t) for t in found])


def _run_of(model: Trainee, saved: dict[str, Any], tensors: dict[str, np.ndarray]) -> Run:
    """The part of a run that a later `fit` continues from: the optimizer's state, the step, the rate."""
    weights, optimizer = model.trainable_variables, model.optimizer
    knowing = optimizer.knowing(optimizer.set_aside([v.path for v in weights]))
    pattern = engine.shapes_of(knowing.init, [v.value for v in weights])
    optimizer = _unleave(pattern, tensors)
    step, rate = jnp.asarray(saved["step"], jnp.int32), jnp.asarray(saved["rate"], config.floatx())
    return Run([], [], optimizer, [], None, None, rate, step, None, None, None)  # type: ignore[arg-type]


def write_specs(specs: Any) -> Any:
    """Shapes and types as JSON."""
    return None if specs is None else Writer()(jax.tree.map(lambda s: [list(s.shape), str(s.dtype)], specs))


def read_specs(shapes: Any) -> Any:
    """The shapes and types that `write_specs` wrote."""
    found = Reader()(shapes)
    is_spec = lambda s: isinstance(s, list) and len(s) == 2 and isinstance(s[1], str)  # noqa: E731
    return jax.tree.map(lambda s: jax.ShapeDtypeStruct(s[0], jnp.dtype(s[1])), found, is_leaf=is_spec)
