"""The recipe: a network with its optimizer, losses, metrics and rules, and every number in them."""

from __future__ import annotations

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
    custom_logs: tuple[str, ...] = ()  # what an overridden train_step reports
    log_rate: bool = False

    def outputs(self, x: Any) -> list[Any]:
        """The network's outputs as a list."""
        return jax.tree.leaves(self.network(x))

    def objective(self, batch: Any) -> tuple[Any, Any]:
        """The number to minimise, and what statistics need."""
        x, y, weight = batch
        outputs = self.outputs(x)
        losses = self.output_losses(outputs, y, weight)
        total = sum(w * l for w, l in zip(self.loss_weights, losses, strict=True) if l is not None)
        total = jnp.asarray(total + self.penalty(), config.floatx())
        return self.optimizer.scale_loss(total), (total, losses, outputs)

    def output_losses(self, outputs: list[Any], y: list[Any], weight: list[Any]) -> list[Any]:
        """The loss of each output over the batch."""
        context = current()
        masks = [context.mask_of(o) if context else None for o in outputs]
        return [
            None if loss is None else ratio(*loss.totals(t, o, w, m))
            for loss, t, o, w, m in zip(self.losses, y, outputs, weight, masks, strict=True)
        ]

    def penalty(self) -> Any:
        """What regularizers and `add_loss` add."""
        context: Context | None = current()
        return sum(context.penalties if context else []) + sum(
            regularizer(vars(layer)[name])
            for layer in parts_of(self.network, Layer)
            if layer.trainable
            for name, regularizer in vars(layer).get("_penalties", {}).items()
        )

    def initial_statistics(self, outputs: list[Any]) -> dict[str, Any]:
        """Nothing counted yet; outputs may be abstract, only their shapes are read."""
        zero = jnp.zeros((), config.floatx())
        if self.custom_logs:
            return {name: (zero + 0, zero + 0) for name in self.custom_logs}
        states = {"loss": (zero, zero)}
        if len(self.losses) > 1:
            states |= {
                f"{n}_loss": (zero, zero)
                for n, loss in zip(self.output_names, self.losses, strict=True)
                if loss is not None
            }
        states |= {name: metric.initial(_last_axis(outputs[at])) for name, at, _, metric in self.metrics}
        return jax.tree.map(jnp.copy, states)

    def accumulate(self, statistics: dict[str, Any], batch: Any, report: Any) -> dict[str, Any]:
        """Count one batch; a loss counts by its rows, so that the last partial batch weighs what it is."""
        x, y, weight = batch
        rows = jnp.asarray(jax.tree.leaves(x)[0].shape[0], config.floatx())

        def add(state: Any, value: Any) -> Any:
            return state[0] + value * rows, state[1] + rows

        if self.custom_logs:
            return {name: add(statistics[name], report[name]) for name in self.custom_logs}
        total, losses, outputs = report
        after = {**statistics, "loss": add(statistics["loss"], total)}
        for name, loss in zip(self.output_names, losses, strict=True):
            if f"{name}_loss" in statistics:
                after[f"{name}_loss"] = add(statistics[f"{name}_loss"], loss)
        for name, at, weighted, metric in self.metrics:
            after[name] = metric.accumulate(statistics[name], y[at], outputs[at], weight[at] if weighted else None)
        return after

    def outcomes(self, statistics: dict[str, Any]) -> dict[str, Any]:
        """The logs: every statistic as a number."""
        metrics = {name: metric for name, _, _, metric in self.metrics}
        floats = jnp.dtype(config.floatx())
        return {
            name: jnp.asarray(
                metrics[name].outcome(state) if name in metrics else state[0] / jnp.maximum(state[1], 1), floats
            )
            for name, state in statistics.items()
        }

    @property
    def log_names(self) -> list[str]:
        """The names in the logs of an epoch, without validation."""
        if self.custom_logs:
            return list(self.custom_logs)
        several = len(self.losses) > 1
        parts = [
            f"{n}_loss" for n, loss in zip(self.output_names, self.losses, strict=True) if several and loss is not None
        ]
        return ["loss", *parts, *(name for name, _, _, _ in self.metrics)]


def _last_axis(output: Any) -> int | None:
    return output.shape[-1] if len(output.shape) > 1 else None
