"""What a call of `search` finds in its file and writes there, so that the same call goes on with the same search."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from caviar import config
from caviar.errors import FileError
from caviar.files import as_path
from caviar.models.as_json import Writer
from caviar.models.model import Model
from caviar.models.saving import write_specs
from caviar.studies.space import Space
from caviar.studies.store import Store
from caviar.studies.strategies import Strategy
from caviar.studies.task import checksum


@contextlib.contextmanager
def written(path: Any, told: dict[str, Any]) -> Iterator[Store]:
    """The study's file, open for writing; an error undoes what was not committed, and others may write afterwards."""
    is_new = path is not None and not os.path.exists(as_path(path))
    store = Store.open(path, told, growing="trials")
    with contextlib.ExitStack() as closing:
        if is_new:
            closing.callback(_forget_unless_begun, as_path(path))
        closing.enter_context(store)
        yield store
        closing.pop_all()
    store.commit()
    if store.path is not None:  # else the file is lost, and the study keeps what is in memory
        store.close()


def grow(store: Store, asked: Strategy, trials: int | None) -> None:
    """Reopen the last round of a finished search, to add more trials."""
    had = f"{store.path} holds a search of {store.grown_from} trials"
    if not asked.grows:
        raise FileError(f"{had}, and with {trials} {asked!r} would have treated those differently: name another file")
    if not store.noted("done", False):
        raise FileError(
            f"{had} that is not finished: call it with trials={store.grown_from} once more, then with {trials}"
        )
    store.note("done", False)
    store.note("begun", store.noted("begun", 0) - 1)
    store.note("lanes", {})


def _forget_unless_begun(path: Path) -> None:
    """Delete the file of a search that failed before its first round: it would refuse the corrected call."""
    with contextlib.suppress(FileError):  # it is gone, or another search's
        store = Store.read(path)
        begun = store.noted("begun")
        store.close()
        if begun is None:
            path.unlink()


def seed_of(store: Store, seed: int | None) -> int:
    """The seed given, that of the search being resumed, or a new one."""
    found = store.noted("seed")
    if found is None:
        found = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else int(seed)
        store.note("seed", found)
    return int(found)


def described(space: Space, rows: Any, validation: Any) -> dict[str, Any]:
    """A description of a search; the same call always gives the same one."""
    template = space.template
    layers = template.model.layers if isinstance(template.model, Model) else [template.model]
    compiled = {name: _spoken(value) for name, value in vars(template.compiled).items()}
    return {
        "model": [_spoken(layer) for layer in layers],
        "compile": compiled,
        "callbacks": [_spoken(rule) for rule in template.rules],
        "batch_size": repr(template.batch_size),
        "hyperparameters": {h.name: repr(h.range) for h in space.found},
        "weights": checksum([v.value for v in template.model.variables if not v.is_drawn]),
        "precision": [config.floatx(), config.dtype_policy()],
        "rows": rows.number,
        "data": checksum(rows),
        "validation": None if validation is None else checksum(validation),
    }


def _spoken(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_spoken(v) for v in value]
    if isinstance(value, dict):
        return {str(k): _spoken(v) for k, v in value.items()}
    # Without addresses, which differ between processes.
    return getattr(value, "__name__", None) or re.sub(r" at 0x[0-9a-f]+", "", repr(value))


def note_template(store: Store, space: Space, typical: Any) -> None:
    """Save the model with its ranges, so that the file can be opened without it; unless something in it cannot be saved."""
    template, writer = space.template, Writer()
    try:
        written = {
            "model": writer(template.model),
            "compiled": {k: writer(v) for k, v in vars(template.compiled).items()},
        }
        written |= {"rules": writer(template.rules), "batch_size": writer(template.batch_size)}
        store.note("template", {"written": written})
        store.note("inputs", write_specs(typical.built_for))
    except FileError as error:
        store.note("template", {"refused": str(error)})
    store.commit()  # from now on others can read it
