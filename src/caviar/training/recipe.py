"""The recipe: a network with its optimizer, losses, metrics and rules, and every number in them."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp

from caviar import config
from caviar.graph.evaluation import Context, current
from caviar.layers.base import Layer
from caviar.losses.shapes import ratio
from caviar.parts import Part, parts_of


@dataclass(eq=False, repr=False)
class Recipe(Part):
    """What a program is made from. Its methods are pure and run on a copy inside the program."""

    network: Layer
    optimizer: Any
    losses: list[Any]  # one a output, None where an output has no loss
    loss_weights: list[float]
    metrics: list[tuple[str, int, bool, Any]]  # name in the logs, output, whether sample weights count, metric
    output_names: list[str]
    rules: list[Any] = field(default_factory=list)
    custom_logs: tuple[str, ...] = ()  # what a train_step of the model's own reports
    scored_logs: tuple[str, ...] = ()  # what a test_step of its own reports
    own_loss: bool = False  # whether the model says itself what is minimised
    log_rate: bool = False

    def outputs(self, x: Any) -> list[Any]:
        """The network's outputs as a list."""
        return jax.tree.leaves(self.network(x))

    def objective(self, batch: Any) -> tuple[Any, Any]:
        """The number to minimise, and what statistics need."""
        x, y, weight = batch
        raw = self.network(x)
        outputs = jax.tree.leaves(raw)
        totals = self.totals(outputs, y, weight)
        rest = self._own_loss(x, y, raw, weight) if self.own_loss else self.penalty()
        penalty = jnp.asarray(rest, config.floatx())
        return self.optimizer.scale_loss(self._compared(totals) + penalty), (penalty, totals, outputs)

    def _compared(self, totals: list[Any]) -> Any:
        """What `compile` was given to minimise; nothing where the model says itself what the whole loss is."""
        return 0.0 if self.own_loss else self.combined(totals)

    def _own_loss(self, x: Any, y: list[Any], outputs: Any, weight: list[Any]) -> Any:
        """What the model's own `compute_loss` says; targets have the form of its outputs."""
        network: Any = self.network
        vars(network)["_recipe"] = self  # for `super().compute_loss`
        context, form = current(), jax.tree.structure(outputs)
        given = {"x": x, "y_pred": outputs, "training": context is not None and context.training}
        for name, values in (("y", y), ("sample_weight", weight)):
            given[name] = None if all(v is None for v in values) else jax.tree.unflatten(form, values)
        known = inspect.signature(network.compute_loss).parameters
        if "training" not in known and all(p.kind is not p.VAR_KEYWORD for p in known.values()):
            del given["training"]
        return network.compute_loss(**given)

    def totals(self, outputs: list[Any], y: list[Any], weight: list[Any]) -> list[Any]:
        """What each output's loss is a quotient of; None where an output has no loss."""
        context = current()
        masks = [context.mask_of(o) if context else None for o in outputs]
        return [
            None if loss is None else loss.totals(t, o, w, m)
            for loss, t, o, w, m in zip(self.losses, y, outputs, weight, masks, strict=True)
        ]

    def combined(self, totals: list[Any]) -> Any:
        """The losses of the outputs, each times its weight."""
        return sum(w * ratio(*t) for w, t in zip(self.loss_weights, totals, strict=True) if t is not None)

    def penalty(self) -> Any:
        """What regularizers and `add_loss` add."""
        context: Context | None = current()
        return sum(context.penalties if context else []) + sum(
            regularizer(vars(layer)[name])
            for layer in parts_of(self.network, Layer)
            if layer.trainable
            for name, regularizer in vars(layer).get("_penalties", {}).items()
        )

    def scoring(self) -> Recipe:
        """This recipe, counting what an evaluation counts; for the copies inside a program."""
        self.custom_logs = self.scored_logs
        return self

    def initial_statistics(self, outputs: list[Any]) -> dict[str, Any]:
        """Nothing counted yet; outputs may be abstract, only their shapes are read."""
        zero = jnp.zeros((), config.floatx())
        if self.custom_logs:
            return dict.fromkeys(self.custom_logs, (zero + 0, zero + 0))
        totals = [None if loss is None else (zero, zero) for loss in self.losses]
        states: dict[str, Any] = {"loss": {"totals": totals, "penalty": (zero, zero)}}
        states |= {name: metric.initial(_last_axis(outputs[at])) for name, at, _, metric in self.metrics}
        return jax.tree.map(jnp.copy, states)

    def accumulate(self, statistics: dict[str, Any], batch: Any, report: Any) -> dict[str, Any]:
        """Count one batch. Everything is kept as sums, so that an epoch is exact however its rows are batched."""
        x, y, weight = batch
        rows = jnp.asarray(jax.tree.leaves(x)[0].shape[0], config.floatx())
        if self.custom_logs:
            return {name: _add(statistics[name], (report[name] * rows, rows)) for name in self.custom_logs}
        penalty, totals, outputs = report
        before = statistics["loss"]
        counted = [None if t is None else _add(b, t) for b, t in zip(before["totals"], totals, strict=True)]
        after = {"loss": {"totals": counted, "penalty": _add(before["penalty"], (penalty * rows, rows))}}
        for name, at, weighted, metric in self.metrics:
            after[name] = metric.accumulate(statistics[name], y[at], outputs[at], weight[at] if weighted else None)
        return after

    def outcomes(self, statistics: dict[str, Any]) -> dict[str, Any]:
        """The logs: every statistic as a number."""
        if self.custom_logs:
            return {name: ratio(*state) for name, state in statistics.items()}
        losses = statistics["loss"]
        found = {"loss": self._compared(losses["totals"]) + ratio(*losses["penalty"])}
        if len(self.losses) > 1:
            pairs = zip(self.output_names, losses["totals"], strict=True)
            found |= {f"{name}_loss": ratio(*total) for name, total in pairs if total is not None}
        found |= {name: metric.outcome(statistics[name]) for name, _, _, metric in self.metrics}
        return {name: jnp.asarray(value, config.floatx()) for name, value in found.items()}

    @property
    def log_names(self) -> list[str]:
        """The names in the logs of an epoch, without validation."""
        return list(self.custom_logs) or self._standard_names

    @property
    def scored_names(self) -> list[str]:
        """The names in the logs of an evaluation: a `train_step` of one's own changes training alone."""
        return list(self.scored_logs) or self._standard_names

    @property
    def _standard_names(self) -> list[str]:
        several = len(self.losses) > 1
        parts = [
            f"{n}_loss" for n, loss in zip(self.output_names, self.losses, strict=True) if several and loss is not None
        ]
        return ["loss", *parts, *(name for name, _, _, _ in self.metrics)]

    def logged(self, validated: bool) -> list[str]:
        """All names in the logs of an epoch."""
        names = self.log_names + ([f"val_{n}" for n in self.scored_names] if validated else [])
        return names + (["learning_rate"] if self.log_rate else [])


def _add(state: Any, totals: Any) -> Any:
    return state[0] + totals[0], state[1] + totals[1]


def _last_axis(output: Any) -> int | None:
    return output.shape[-1] if len(output.shape) > 1 else None
