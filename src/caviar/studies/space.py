"""The space of a search: what a user wrote with ranges in it, and how a point of the unit cube becomes a recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from caviar import optimizers
from caviar.closing import Hyperparameter, closed, hyperparameters_of, path_word
from caviar.models.model import Model
from caviar.parts import Part, parts_of
from caviar.ranges import Choice
from caviar.training.compiled import Compiled
from caviar.training.trainee import Trainee


@dataclass
class Template:
    """Everything in which a range may stand: the model, the optimizer, rules and so on."""

    model: Trainee
    compiled: Compiled
    rules: list[Any]
    batch_size: Any


class Space:
    """The hyperparameters of a template, each of which is a dimension of the unit cube."""

    def __init__(self, template: Template):
        self.template = template
        rules: dict[str, Any] = {}
        for rule in template.rules:
            name = path_word(type(rule).__name__)
            rules[f"{name}_{len(rules)}" if name in rules else name] = rule
        self.found: list[Hyperparameter] = hyperparameters_of(
            template.model, template.compiled, batch_size=template.batch_size, **rules
        )

    @property
    def names(self) -> list[str]:
        """The names of the hyperparameters."""
        return [h.name for h in self.found]

    @property
    def batch_name(self) -> str | None:
        """The name of the hyperparameter that the batch size is, if it is one."""
        return next((h.name for h in self.found if h.range is self.template.batch_size), None)

    def values(self, units: Sequence[float]) -> dict[str, Any]:
        """The value of each active hyperparameter at a point."""
        chosen = {
            h.name: h.range._place(h.range.at(u))
            for h, u in zip(self.found, units, strict=True)
            if isinstance(h.range, Choice)
        }
        return {h.name: h.range.at(u) for h, u in zip(self.found, units, strict=True) if h.is_active(chosen)}

    def labels(self, values: dict[str, Any]) -> dict[str, Any]:
        """Values in readable form, which JSON can hold; None for hyperparameters that are not active."""
        return {h.name: label(h.range, values[h.name]) if h.name in values else None for h in self.found}

    def at(self, units: Sequence[float]) -> dict[str, Any]:
        """The value of every hyperparameter at a point, active or not."""
        return {h.name: h.range.at(u) for h, u in zip(self.found, units, strict=True)}

    def close(self, units: Sequence[float]) -> Template:
        """The template at a point: a network not yet built, an optimizer, rules."""
        return self.with_values(self.at(units))

    def with_values(self, values: dict[str, Any]) -> Template:
        """The template with these values in place of its ranges."""
        made: Template = closed(self.template, self.found, values)
        made.compiled.optimizer = optimizers.get(made.compiled.optimizer)
        for part in parts_of(made.model, Model):
            part.rewrite()
        return made


def label(found: Any, value: Any) -> Any:
    """A value in readable form: options by their names, lists of layers by their length.

    >>> from caviar import Choice
    >>> from caviar.studies.space import label
    >>> from caviar.layers import Dense
    >>> pick = Choice([Dense(8)], [Dense(8), Dense(8)])
    >>> [label(pick, option) for option in pick.options], label(Choice("relu", None), None)
    (['1 layers', '2 layers'], 'None')
    """
    if not isinstance(found, Choice):
        return value
    return labels_of(found)[found._place(value)]


def labels_of(choice: Choice) -> list[Any]:
    """A label for each option, all different."""
    spoken = [_label(option) for option in choice.options]
    return spoken if len(set(map(repr, spoken))) == len(spoken) else [repr(option) for option in choice.options]


def _label(option: Any) -> Any:
    if isinstance(option, (bool, int, float, str)):
        return option
    if isinstance(option, (list, tuple)) and all(isinstance(o, Part) for o in option):
        return f"{len(option)} layers"
    if isinstance(option, Part):
        return type(option).__name__
    return getattr(option, "__name__", None) or str(option)
