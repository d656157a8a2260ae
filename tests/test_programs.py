"""The table of programs: found again, bounded by what they cost, and never wrong for being closed."""

from __future__ import annotations

import functools
import threading

import jax.numpy as jnp
import numpy as np
import pytest
import soak
from compiles import compiles

from caviar.dialects import torch
from caviar.graph import programs
from caviar.graph.programs import cached, clear_programs, count_maps, make_room, remembered
from caviar.recording.tree import root

needs_maps = pytest.mark.skipif(count_maps() is None, reason="this system tells nobody its memory maps")
X = np.arange(4.0, dtype="float32")


def times(n: float) -> programs.Program:
    return cached(("times", n), lambda: lambda x: jnp.tanh(x @ jnp.ones((4, 4))) * n)


@needs_maps
def test_closing_programs_gives_their_maps_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clear_programs()
    before = count_maps()
    for n in range(12):
        times(n)(X)
    grown = count_maps()
    assert grown > before + 12
    monkeypatch.setattr(programs, "_limit", lambda: before + (grown - before) // 2)
    make_room()
    assert count_maps() <= before + (grown - before) // 2
    assert programs._Compilations.foreign == 0


def test_who_holds_a_closed_program_may_call_it_and_the_table_has_it_again() -> None:
    held = times(-1.0)
    expected = np.asarray(held(X))
    held.close()
    programs._table.pop(held.key)
    with compiles() as count:
        assert np.array_equal(held(X), expected)
        assert count() == 1
        assert np.array_equal(times(-1.0)(X), expected)
        assert count() == 1
    assert times(-1.0) is held


def test_the_program_called_least_recently_is_closed_first() -> None:
    clear_programs()
    first, second, third = (times(n) for n in (1.0, 2.0, 3.0))
    for program in (first, second, third):
        program(X)
    first(X)
    assert [entry for _, entry in programs._oldest(2)] == [second]  # nothing was compiled since the others were called


def test_programs_are_counted_too_for_the_memory_they_take(monkeypatch: pytest.MonkeyPatch) -> None:
    clear_programs()
    monkeypatch.setattr(programs, "count_maps", lambda: None)
    monkeypatch.setattr(programs, "_COMPILED_AT_MOST", 4)
    monkeypatch.setattr(programs, "_EVERY", 1)
    for n in range(12):
        times(n)(X)
    assert len(programs._table) <= 6


def test_a_program_compiled_for_shapes_without_end_is_closed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    clear_programs()
    monkeypatch.setattr(programs, "_COMPILED_AT_MOST", 8)
    monkeypatch.setattr(programs, "_EVERY", 1)
    double = cached("double", lambda: lambda x: x * 2)
    for rows in range(1, 20):
        assert (np.asarray(double(np.ones(rows, "float32"))) == 2).all()
        assert double.versions <= 9


def test_what_was_found_out_is_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    clear_programs()
    monkeypatch.setattr(programs, "_FOUND", 8)
    for n in range(40):
        monkeypatch.setattr(programs._Compilations, "now", n)
        assert remembered(("square", n), lambda n=n: n * n) == n * n
    assert len(programs._table) <= 8


def test_a_recording_is_forgotten_with_its_program() -> None:
    clear_programs()
    before = set(root().branches)  # what others wrote down and never ran
    torch.ones(2).sum().item()
    known = set(root().branches)
    for n in range(3, 6):
        (torch.ones(n) * 2).sum().item()
    assert len(root().branches) > len(known) - 1
    clear_programs()
    assert set(root().branches) <= before
    assert (torch.ones(3) * 2).sum().item() == 6


def test_a_table_used_from_many_threads_stays_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each calls, while another closes what it can."""
    expected, wrong = [np.asarray(times(n)(X)) for n in range(6)], []
    monkeypatch.setattr(programs, "_limit", lambda: 0)
    monkeypatch.setattr(programs, "_EVERY", 2)

    def call(at: int) -> None:
        for i in range(30):
            n = (at + i) % 6
            wrong.extend([n] * (not np.array_equal(times(n)(X), expected[n])))

    threads = [threading.Thread(target=functools.partial(call, at)) for at in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    programs._Compilations.foreign = 0
    assert wrong == []


@needs_maps
@pytest.mark.parametrize("work", [soak.structure, soak.shape, soak.feed], ids=lambda work: work.__name__)
def test_structures_shapes_and_feeds_without_end_keep_within_the_bound(
    work: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    clear_programs()
    before = count_maps()
    monkeypatch.setattr(programs, "_EVERY", 4)
    monkeypatch.setattr(programs, "_limit", lambda: before + 150)
    rounds = {soak.structure: 3, soak.shape: 25, soak.feed: 25}[work]
    assert soak.most(work, range(rounds)) < before + 150 + 4 * 160  # between two looks, four of the largest may come
    assert programs._Compilations.foreign == 0
