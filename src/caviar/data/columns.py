"""The names of a table's columns: a model must be given those that it was trained on."""

from __future__ import annotations

from typing import Any

from caviar.errors import DataError
from caviar.outside import column_names


def columns_of(x: Any) -> Any:
    """The names of the columns of tables, nested as the inputs are; None where there are none.

    >>> from caviar.data.columns import columns_of
    >>> columns_of({"a": [[1.0]]}) is None
    True
    """
    if isinstance(x, dict):
        found: Any = {str(name): columns_of(value) for name, value in x.items()}
        return found if any(found.values()) else None
    if isinstance(x, (list, tuple)):
        found = [columns_of(value) if hasattr(value, "shape") else None for value in x]
        return found if any(found) else None
    return column_names(x)


def check_columns(known: Any, x: Any, where: str = "x") -> None:
    """Raise if a table's columns are not those that the model was trained on, in their order.

    >>> from caviar.data.columns import check_columns
    >>> class Table:
    ...     columns = ("income", "age")
    >>> check_columns(["age", "income"], Table())
    Traceback (most recent call last):
    caviar.errors.DataError: x has the columns 'income', 'age' in another order than in fit: give x[['age', 'income']]
    """
    if isinstance(known, dict) and isinstance(x, dict):
        for name in known.keys() & x.keys():
            check_columns(known[name], x[name], f"{where}[{name!r}]")
        return
    if isinstance(known, list) and isinstance(x, (list, tuple)) and len(known) == len(x):
        for i, (names, value) in enumerate(zip(known, x, strict=True)):
            check_columns(names, value, f"{where}[{i}]")
        return
    names = column_names(x)
    if names is None or not isinstance(known, list) or names == known or not all(isinstance(n, str) for n in known):
        return
    missing, new = [n for n in known if n not in names], [n for n in names if n not in known]
    if not missing and len(names) == len(known):
        given = ", ".join(map(repr, names[:5])) + (", ..." if len(names) > 5 else "")
        raise DataError(f"{where} has the columns {given} in another order than in fit: give {where}[{known}]")
    text = [f"lacks {_some(missing)}"] * bool(missing) + [f"has {_some(new)}, which fit had not"] * bool(new)
    raise DataError(f"{where} {' and '.join(text) or 'has columns twice'}: give the columns of fit, {known}")


def _some(names: list[str]) -> str:
    return ", ".join(map(repr, names[:5])) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
