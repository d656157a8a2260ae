"""Names of losses and metrics: the class's name as Keras writes it, unless the user gave another."""

from __future__ import annotations

import re
from typing import Any

from caviar.parts import Part


def snake_case(name: str) -> str:
    """A class's name as Keras writes it in logs.

    >>> snake_case("KLDivergence"), snake_case("TopKCategoricalAccuracy")
    ('kl_divergence', 'top_k_categorical_accuracy')
    """
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


class Named(Part):
    """A part with a field `name`; where it was not given, the class's own name stands in."""

    name: str | None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in vars(cls):
            cls.name = snake_case(cls.__name__)

    def __post_init__(self) -> None:
        if vars(self).get("name", self) is None:
            del self.name

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this part again; the class's own name is not among them."""
        own = type(self).name
        return {key: value for key, value in super().get_config().items() if key != "name" or value != own}
