"""The engine computes what was written, and is a good guest in the user's process."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import caviar
from caviar import cache, engine
from caviar.graph.programs import cached


def python(program: str, *options: str, **environment: str | None) -> str:
    """What a program prints in a fresh Python with these variables; None takes one away."""
    given = {**os.environ, "PYTHONPATH": str(Path(caviar.__file__).parents[1]), **environment}
    env = {name: value for name, value in given.items() if value is not None}
    run = subprocess.run([sys.executable, *options, "-c", program], env=env, capture_output=True, timeout=120)
    assert run.returncode == 0, run.stderr.decode()
    return run.stdout.decode() + run.stderr.decode()


FIT = """
import numpy as np, caviar
from caviar import layers
x = np.random.default_rng(0).normal(size=(20, 4)).astype("float32"); y = (x.sum(1) > 0).astype("int32")
model = caviar.Sequential([layers.Dense(3, activation="relu"), layers.Dropout(0.2), layers.Dense(2, activation="softmax")])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=2)
model.predict(x)
model.summary()
"""


@pytest.mark.usefixtures("as_shipped")
def test_a_sum_of_products_is_right() -> None:
    """The reproduction of jax#39103: 2**30, and without our option 1065369600."""
    i = jnp.arange(32769, dtype=jnp.float32)
    x = jnp.stack((i, jnp.zeros_like(i), jnp.zeros_like(i)), axis=1)
    product = jax.vmap(lambda row: jnp.sum((jnp.eye(3) @ row) ** 2))
    assert float(cached("sum of products", lambda: product)(x)[-1]) == 2.0**30


IN_PLACE = """
import jax
from caviar.graph.programs import cached
product = cached("product", lambda: lambda x: x @ x @ x @ x)
x = jax.numpy.ones((1000, 1000))
product(x)
print(product(x).is_ready())
"""


def test_a_program_is_computed_by_whoever_calls_it() -> None:
    """To wake another thread, and to be woken by it, takes longer than one row through a small network."""
    assert python(IN_PLACE).strip() == "True"


def test_the_users_flag_for_xla_comes_before_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "xla_cpu_experimental_ynn_fusion_type" in (engine.options() or {})
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_experimental_ynn_fusion_type=")
    assert engine.options() == {}


def test_import_caviar_imports_nothing_heavy() -> None:
    found = python(
        "import sys, caviar, caviar.cli; print([m for m in ('jax', 'numpy', 'optax', 'rich') if m in sys.modules])"
    )
    assert found.strip() == "[]"


EVERYTHING = """
import os, importlib, pkgutil, jax
environment, settings = dict(os.environ), dict(jax.config.values)
import caviar
for module in pkgutil.walk_packages(caviar.__path__, "caviar."):
    if "__main__" not in module.name:
        importlib.import_module(module.name)
import jax._src.hardware_utils  # JAX sets what concerns TPUs and logging by itself
print({k for k, v in os.environ.items() if environment.get(k) != v} - {"TF_CPP_MIN_LOG_LEVEL", "TPU_SKIP_MDS_QUERY"})
print({k for k, v in jax.config.values.items() if settings[k] != v}, jax.local_device_count())
"""


def test_importing_all_of_caviar_changes_neither_the_environment_nor_jax() -> None:
    assert python(EVERYTHING).split("\n")[:2] == ["set()", "set() 1"]


def test_the_first_program_finds_a_device_for_each_core_and_leaves_the_environment_alone() -> None:
    program = "import os; before = dict(os.environ)" + FIT
    program += "import jax; print('devices', jax.local_device_count(), os.environ.get('XLA_FLAGS'))"
    assert f"devices {min(32, len(os.sched_getaffinity(0)))} None" in python(program, XLA_FLAGS=None)


def test_the_users_settings_of_jax_win_before_and_after_the_import(tmp_path: Path) -> None:
    """What the user says until JAX starts counts; a JAX that runs already is taken as it is."""
    show = "; print(jax.local_device_count(), jax.config.jax_compilation_cache_dir, jax.config.jax_enable_x64)"
    one = "import caviar; caviar.graph.fetch(caviar.Variable(1.0) + 1)"
    chosen = f"jax.config.update('jax_num_cpu_devices', 3); jax.config.update('jax_compilation_cache_dir', {str(tmp_path)!r})"
    after = f"import jax, caviar.models; v = caviar.Variable; {chosen}; {one}{show}"
    assert python(after).strip() == f"3 {tmp_path} False"
    started = f"import jax; jax.config.update('jax_enable_x64', True); jax.numpy.ones(1); {one}{show}"
    assert python(started, CAVIAR_CACHE="off").strip() == "1 None True"
    assert python(f"import jax; {one}{show}", CAVIAR_CACHE="OFF", JAX_NUM_CPU_DEVICES="1").strip() == "1 None False"


def test_import_and_fit_in_a_thread() -> None:
    python(f"import threading; t = threading.Thread(target=exec, args=({FIT!r}, {{}})); t.start(); t.join()")


# -- the folder of compiled programs ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"CAVIAR_CACHE": "/a/b"}, "/a/b"),
        ({"CAVIAR_CACHE": "~/c"}, "/home/me/c"),
        ({"CAVIAR_CACHE": "", "XDG_CACHE_HOME": "/x"}, "/x/caviar"),
        ({"XDG_CACHE_HOME": "relative"}, "/home/me/.cache/caviar"),  # which XDG says to ignore
        ({}, "/home/me/.cache/caviar"),
    ],
)
def test_where_compiled_programs_are_kept(
    environment: dict[str, str], folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CAVIAR_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": "/home/me", **environment}.items():
        monkeypatch.setenv(name, value)
    assert str(cache.cache_folder().parent) == folder


@pytest.fixture
def no_folder_yet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(cache, "_chosen", [])
    before = jax.config.values["jax_compilation_cache_dir"]
    jax.config.update("jax_compilation_cache_dir", None)
    yield
    jax.config.update("jax_compilation_cache_dir", before)


@pytest.mark.usefixtures("no_folder_yet")
@pytest.mark.skipif(os.name != "posix", reason="users and modes")
def test_a_folder_that_cannot_be_used_is_told_and_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_use", lambda folder: pytest.fail("used"))
    (tmp_path / "file").touch()
    monkeypatch.setenv("CAVIAR_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="CAVIAR_CACHE"):
        cache.use_default()
    monkeypatch.setenv("CAVIAR_CACHE", str(tmp_path))
    monkeypatch.setattr(os, "getuid", lambda: 12345)  # somebody else could put programs there
    with pytest.warns(UserWarning, match="belongs to another user"):
        cache.use_default()
    monkeypatch.delenv("CAVIAR_CACHE")
    monkeypatch.setattr(Path, "home", _no_home)
    with pytest.warns(UserWarning, match="home"):
        cache.use_default()


def _no_home() -> Path:
    raise RuntimeError("Could not determine home directory.")


def test_an_entry_that_is_damaged_is_not_read_and_written_anew(tmp_path: Path) -> None:
    kept = cache.Programs(tmp_path / "new")
    kept.put("jit_f", b"a program")
    assert kept.get("jit_f") == b"a program"
    (tmp_path / "new" / "jit_f-cache").write_bytes(b"a prog")  # of a process killed while it wrote
    assert kept.get("jit_f") is None
    kept.put("jit_f", b"a program")
    assert kept.get("jit_f") == b"a program"
    assert kept.get("jit_g") is None
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["jit_f-cache"]


def test_a_full_disk_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = cache.Programs(tmp_path)
    monkeypatch.setattr(os, "replace", _full)
    with pytest.warns(UserWarning, match="No space left"):
        kept.put("jit_f", b"a program")
    with warnings.catch_warnings(action="error"):
        kept.put("jit_g", b"another")
    assert list(tmp_path.iterdir()) == []


def _full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_the_cache_of_programs_is_trimmed_oldest_first(tmp_path: Path) -> None:
    for age, name in enumerate(["new", "middle", "old"]):
        (tmp_path / name).write_bytes(b"x" * 100)
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    cache.trim_compile_cache(tmp_path, limit=250)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["middle", "new"]
    cache.trim_compile_cache(tmp_path / "none")


# -- settings and environments of others --------------------------------------------------------------------------

SEARCH = """
model = caviar.Sequential([layers.Dense(caviar.IntUniform(2, 3)), layers.Dense(2, activation="softmax")])
model.compile(caviar.optimizers.SGD(caviar.LogUniform(1e-3, 1e-1)), "sparse_categorical_crossentropy")
caviar.search(model, x, y, trials=2, epochs=1)
"""
TORCH = """
from caviar.dialects import torch
model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Dropout(0.1), torch.nn.Linear(3, 2))
loss = torch.nn.functional.cross_entropy(model(torch.tensor(x)), torch.tensor(y).long())
loss.backward(); loss.item(); torch.randn(3)
state, rate = caviar.optimizers.schedules.Plateau(mode="max").initial(), 0.1
caviar.optimizers.schedules.Plateau(mode="max").update(state, 0.5, rate)
caviar.metrics.SparseTopKCategoricalAccuracy(1)([0], [[0.3, 0.7]])
caviar.losses.MeanSquaredError()(x, x[:, :1] + x); caviar.ops.add(x, x[0]); layers.LayerNormalization()(x)
"""


@pytest.mark.parametrize(
    "settings",
    [
        {"JAX_DEFAULT_PRNG_IMPL": "rbg", "JAX_NUMPY_RANK_PROMOTION": "raise", "JAX_ENABLE_X64": "1"},
        {"JAX_NUMPY_DTYPE_PROMOTION": "strict", "JAX_DEBUG_NANS": "1", "JAX_PLATFORMS": "cpu", "JAX_DEBUG_INFS": "1"},
        {"JAX_DISABLE_JIT": "1"},
    ],
    ids=["rbg rank x64", "strict nans infs", "no jit"],
)
def test_settings_of_jax_that_the_user_chose_break_nothing(settings: dict[str, str]) -> None:
    python(FIT + ("" if "JAX_DISABLE_JIT" in settings else SEARCH) + TORCH, **settings)


def test_no_home_an_ascii_terminal_and_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    program = FIT + SEARCH + f"import os; os.chdir({str(tmp_path)!r}); print(os.listdir())"
    poor = {"HOME": None, "LANG": "C", "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    told = python(program, CAVIAR_CACHE=str(blocked), **poor)
    assert told.count("Set CAVIAR_CACHE to a folder of yours") == 1
    assert "['file']" in told


# -- processes and threads ----------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_process_forked_after_jax_started_says_so() -> None:
    early = "import os, caviar; caviar.layers.Dense(3); inside = os.fork() == 0 or (os.wait() and False)"
    program = (
        early
        + FIT.replace("model.summary()", "if inside: print('trained', flush=True); os._exit(0)")
        + """
from caviar.dialects import torch
t = torch.ones(3)
uses = [lambda: model.fit(x, y, verbose=0), lambda: model.predict(x, verbose=0), lambda: model(x), lambda: (t + 1).sum().item(),
        lambda: caviar.layers.Dense(3), lambda: caviar.config.next_key()]
if os.fork() == 0:
    for use in uses:
        try:
            use()
        except caviar.errors.ForkError as error:
            print("told", "spawn" in str(error), flush=True)
    os._exit(0)
os.wait()
"""
    )
    told = python(program, "-W", "ignore")
    assert told.count("trained") == 1  # in a process that was forked before
    assert told.count("told True") == 6


def test_a_spawned_process_trains() -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_trained) == (4, 1)


def _trained() -> tuple[int, ...]:
    model = caviar.Sequential([caviar.layers.Dense(1)])
    return model(np.ones((4, 2), "float32")).shape


def test_predictions_from_many_threads_while_another_trains() -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 40, 3)).astype("float32")
    still, moving = (caviar.Sequential([caviar.layers.Dense(4), caviar.layers.Dense(3)]) for _ in range(2))
    moving.compile("sgd", "mse")
    expected, wrong = still.predict(x, verbose=0), []

    def ask() -> None:
        for rows in (40, 7, 23):
            found = still.predict(x[:rows], verbose=0)
            wrong.extend([found] * (not np.allclose(found, expected[:rows], rtol=0, atol=1e-6)))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    moving.fit(x, y, epochs=30, verbose=0)
    for thread in threads:
        thread.join()
    assert wrong == []


# -- random keys --------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_keys() -> None:
    caviar.config.set_random_seed(3)
    first = jax.random.key_data(caviar.config.next_key())
    caviar.config.set_random_seed(3)
    assert (jax.random.key_data(caviar.config.next_key()) == first).all()
    assert (jax.random.key_data(caviar.config.next_key()) != first).any()
