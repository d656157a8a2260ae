"""Names of losses and metrics as Keras writes them, and the lower-case functions of that name."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

import jax

from caviar.errors import nothing_foreign
from caviar.outside import spoken
from caviar.parts import Part
from caviar.text import snake_case


class Named(Part):
    """A part with a field `name`; by default it is the class's name in snake case."""

    name: str | None

    def values(self, y_true: Any, y_pred: Any) -> jax.Array:
        """One value per sample."""
        raise NotImplementedError(f"{type(self).__name__} has no values per sample")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in vars(cls):
            cls.name = snake_case(cls.__name__)

    def __post_init__(self) -> None:
        if vars(self).get("name", self) is None:
            del self.name

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this part again, keywords last; without the name, if it is the default."""
        config, own = super().get_config(), type(self).name
        keywords = {f.name for f in dataclasses.fields(self) if f.kw_only}  # type: ignore[arg-type]
        return {k: config[k] for k in sorted(config, key=keywords.__contains__) if k != "name" or config[k] != own}


def function_of(cls: type[Named]) -> Callable[..., jax.Array]:
    """The lower-case function of a loss or metric: `f(y_true, y_pred, ...)` gives its values per sample.

    >>> from caviar.losses.naming import function_of
    >>> from caviar.losses import MeanSquaredError
    >>> function_of(MeanSquaredError)([[1.0, 2.0]], [[3.0, 2.0]]).tolist()
    [2.0]
    """
    either = inspect.Parameter.POSITIONAL_OR_KEYWORD
    own = [p for n, p in inspect.signature(cls).parameters.items() if n not in ("reduction", "name", "dtype")]
    labels = [inspect.Parameter(n, either) for n in ("y_true", "y_pred")]
    signature = inspect.Signature([*labels, *(p.replace(kind=either) for p in own)])

    def function(*args: Any, **kwargs: Any) -> jax.Array:
        given = signature.bind(*args, **kwargs).arguments
        y_true, y_pred = given.pop("y_true"), given.pop("y_pred")
        with nothing_foreign(lambda: f"{function.__name__} of {spoken((y_true, y_pred))}"):
            return cls(**given).values(y_true, y_pred)

    function.__name__ = function.__qualname__ = snake_case(cls.__name__)
    function.__doc__ = f"The values per sample of `{cls.__name__}`: {(cls.__doc__ or '').splitlines()[0]}"
    vars(function).update(__signature__=signature, made_from=cls)
    return function
