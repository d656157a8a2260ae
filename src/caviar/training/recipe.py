"""The recipe: a network with its optimizer, losses, metrics and rules, and every number in them."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp

from caviar import config
from caviar.graph.context import Context, current, evaluating
from caviar.graph.evaluation import told_in_words
from caviar.layers.base import Layer
from caviar.live import masked
from caviar.losses.shapes import ratio
from caviar.metrics.sums import no_sums, plus
from caviar.parts import Part, parts_of
from caviar.training.padding import mask_padding
from caviar.training.state import Statistics

if TYPE_CHECKING:
    from caviar.training.trainee import Trainee


class Report(NamedTuple):
    """What a step reports, for the statistics."""

    penalty: Any
    totals: list[Any]
    outputs: list[Any]
    traits: list[Any] | None  # the masks and logits attached to the outputs


@dataclass(eq=False, repr=False)
class Recipe(Part):
    """What a program is made from. Its methods are pure and run on a copy inside the program."""

    network: Trainee
    optimizer: Any
    losses: list[Any]  # one a output, None where an output has no loss
    loss_weights: list[float]
    metrics: list[tuple[str, int, bool, Any]]  # name in the logs, output, whether sample weights count, metric
    output_names: list[str]
    rules: list[Any] = field(default_factory=list)
    custom_logs: tuple[str, ...] = ()  # the names that the user's own train_step reports
    scored_logs: tuple[str, ...] = ()  # the names that the user's own test_step reports
    own_loss: bool = False  # whether the user's own compute_loss gives the loss
    log_rate: bool = False
    aside: list[bool] | None = None  # of each variable, whether the optimizer moves it in its other way
    live: list[Any] | None = (
        None  # in a frame, of each weight: 1 at the live places along each axis, None along whole axes
    )

    def outputs(self, x: Any) -> list[Any]:
        """The network's outputs as a list."""
        return jax.tree.leaves(self.network(x))

    def objective(self, batch: Any) -> tuple[Any, Any]:
        """The number to minimise, and what statistics need."""
        x, y, weight = batch
        raw = self.network(x)
        outputs = jax.tree.leaves(raw)
        mask_padding(outputs)
        totals = self.totals(outputs, y, weight)
        rest = self._own_loss(x, y, raw, weight) if self.own_loss else self.penalty()
        penalty = jnp.asarray(rest, config.floatx())
        context = current()
        report = Report(penalty, totals, outputs, [context.traits_of(o) for o in outputs] if context else None)
        return self.optimizer.scale_loss(self._compared(totals) + penalty), report

    def _compared(self, totals: list[Any]) -> Any:
        """The losses of `compile`, each times its weight; 0 where the user's own `compute_loss` gives the whole loss."""
        return 0.0 if self.own_loss else self.combined(totals)

    def _own_loss(self, x: Any, y: list[Any], outputs: Any, weight: list[Any]) -> Any:
        """The user's own `compute_loss`; targets are nested as the outputs are."""
        network = self.network
        network.recipe_under_way = self  # for `super().compute_loss`
        context, form = current(), jax.tree.structure(outputs)
        given = {"x": x, "y_pred": outputs, "training": context is not None and context.training}
        for name, values in (("y", y), ("sample_weight", weight)):
            given[name] = None if all(v is None for v in values) else jax.tree.unflatten(form, values)
        known = inspect.signature(network.compute_loss).parameters
        if "training" not in known and all(p.kind is not p.VAR_KEYWORD for p in known.values()):
            del given["training"]
        return network.compute_loss(**given)

    def totals(self, outputs: list[Any], y: list[Any], weight: list[Any]) -> list[Any]:
        """Numerator and denominator of each output's loss; None where an output has no loss."""
        context = current()
        masks = [context.mask_of(o) if context else None for o in outputs]
        with told_in_words("the loss"):
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
            for name, regularizer in layer.weight_penalties.items()
        )

    def live_gradients(self, gradients: list[Any]) -> list[Any]:
        """The gradients, which are zero wherever a frame is wider than the member."""
        if self.live is None:
            return gradients
        return [masked(g, live) for g, live in zip(gradients, self.live, strict=True)]

    def scoring(self) -> Recipe:
        """This recipe, with the statistics of an evaluation in place of training's; for copies inside a program."""
        self.custom_logs = self.scored_logs
        return self

    def initial_statistics(self, outputs: list[Any]) -> dict[str, Any]:
        """Empty statistics. The outputs may be abstract: only their shapes are read."""
        terms = len(self.custom_logs) + 1 if self.custom_logs else 2 * len(self._places) + 2
        statistics: Statistics = {"loss": no_sums(jnp.zeros((terms,), config.floatx()))}
        if not self.custom_logs:
            statistics |= {name: metric.start(_last_axis(outputs[at])) for name, at, _, metric in self.metrics}
        return jax.tree.map(jnp.copy, statistics)

    @property
    def _places(self) -> list[int]:
        """The outputs that have a loss."""
        return [place for place, loss in enumerate(self.losses) if loss is not None]

    def accumulate(self, statistics: Statistics, batch: Any, report: Any, real: Any = None) -> dict[str, Any]:
        """Count one batch. Everything is kept as sums, so that an epoch is exact however its rows are batched."""
        x, y, weight = batch
        rows = jax.tree.leaves(x)[0].shape[0] if real is None else real
        if self.custom_logs:
            terms = [*(report[name] * rows for name in self.custom_logs), rows]
            return {"loss": plus(statistics["loss"], _line(terms))}
        terms = [*(part for place in self._places for part in report.totals[place]), report.penalty * rows, rows]
        after = {"loss": plus(statistics["loss"], _line(terms))}
        with evaluating(Context()) as context:
            for output, traits in zip(report.outputs, report.traits or [], strict=False):
                context.set_traits(output, **traits._asdict())
            for name, at, weighted, metric in self.metrics:
                own = weight[at] if weighted else None
                with told_in_words(f"metric {name!r}"):
                    after[name] = metric.count(statistics[name], y[at], report.outputs[at], own)
        return after

    def outcomes(self, statistics: Statistics) -> dict[str, Any]:
        """The logs: every statistic as a number."""
        *terms, rows = statistics["loss"].total
        if self.custom_logs:
            return {name: ratio(term, rows) for name, term in zip(self.custom_logs, terms, strict=True)}
        totals: list[Any] = [None] * len(self.losses)
        for i, place in enumerate(self._places):
            totals[place] = terms[2 * i], terms[2 * i + 1]
        found = {"loss": self._compared(totals) + ratio(terms[-1], rows)}
        if len(self.losses) > 1:
            pairs = zip(self.output_names, totals, strict=True)
            found |= {f"{name}_loss": ratio(*total) for name, total in pairs if total is not None}
        found |= {name: metric.finish(statistics[name]) for name, _, _, metric in self.metrics}
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


def _line(terms: list[Any]) -> Any:
    """Numbers concatenated into one array, so that one instruction adds them up."""
    return jnp.stack([jnp.asarray(term, config.floatx()) for term in terms])


def _last_axis(output: Any) -> int | None:
    return output.shape[-1] if len(output.shape) > 1 else None
