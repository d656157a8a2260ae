"""The base of adopted models: layers that can be trained, whose `call` is another library's code."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import jax.numpy as jnp

from caviar.adopting.mirrors import Origin
from caviar.graph.evaluation import current
from caviar.training.trainee import Trainee


class AdoptedModel(Trainee):
    """A model of another library, as a layer that can be trained; made by `caviar.adopt`.

    Its variables are the model's weights. A subclass says in `evaluate_origin` how the other library computes.
    """

    takes: ClassVar[str] = "anything"
    unwalked: ClassVar[frozenset[str]] = Trainee.unwalked | {"is_copy"}

    is_copy: bool = False  # whether it has weights of its own, as the members of a search have

    learned: list[Any]  # variables; inside a program their values
    kept: list[Any]

    def __init__(self, origin: Origin) -> None:
        super().__init__()
        self.origin, self.learned, self.kept = origin, [], []
        vars(self)["built"] = True

    def __deepcopy__(self, memo: Any) -> Self:
        made = super().__deepcopy__(memo)
        vars(made)["is_copy"] = True
        return made

    @property
    def original(self) -> Any:
        """What was adopted; while it is trained here, it is what it becomes."""
        return self.origin.it

    def call(self, x: Any, training: bool = False, rng: Any = None) -> Any:
        """The outputs as the other library computes them; state that changes goes into the variables."""
        outputs, kept, penalties = self.evaluate_origin(self.learned, self.kept, x, training, rng)
        self.kept = [
            new if new is old else jnp.asarray(new, old.dtype) for new, old in zip(kept, self.kept, strict=True)
        ]
        context = current()
        if context is not None:
            context.penalties.extend(penalties)
        return outputs

    def evaluate_origin(self, learned: Any, kept: Any, x: Any, training: bool, rng: Any) -> tuple[Any, Any, Any]:
        """The outputs, the state after it, and the penalties to be added to the loss; pure."""
        raise NotImplementedError(f"{type(self).__name__} does not say how to evaluate {self.original!r}")
