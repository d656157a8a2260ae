"""The house: what is public is listed, sorted and documented; a folder imports only from those above it."""

from __future__ import annotations

import ast
import builtins
import doctest
import importlib
import inspect
import re
import symtable
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import caviar

SOURCE = Path(__file__).parents[1] / "src" / "caviar"
PUBLIC = [
    "activations", "callbacks", "graph", "initializers", "insight", "layers", "losses", "metrics", "models",
    "optimizers", "optimizers.schedules", "studies", "utils",
]  # fmt: skip

TENSORFLOW = ["layers", "losses", "nn", "random", "train"]
TORCH = [
    "autograd", "cuda", "nn", "nn.functional", "nn.init", "nn.utils", "optim", "optim.lr_scheduler", "optim.swa_utils", "utils",
    "utils.data",
]  # fmt: skip
DATASETS = [
    "boston_housing", "breast_cancer", "california_housing", "cifar10", "cifar100", "diabetes", "digits", "fashion_mnist",
    "imdb", "iris", "mnist", "reuters", "wine",
]  # fmt: skip
# Modules that users complete in, besides.
MODULES = [
    "backend", "constraints", "datasets", *(f"datasets.{name}" for name in DATASETS), 
    "preprocessing", "preprocessing.image", "preprocessing.sequence",
    "random",
    "config", "errors", "ops", "ops.image", "ops.linalg", "ops.nn", "ops.numpy", "ranges", "regularizers",
    "dialects.tensorflow", *(f"dialects.tensorflow.{name}" for name in TENSORFLOW),
    "dialects.torch", *(f"dialects.torch.{name}" for name in TORCH),
]  # fmt: skip

# The order of ARCHITECTURE.md.
ROOMS = [
    "errors", "text", "public", "files", "cache", "engine", "config", "dice", "outside", "declarations", "arguments", "telling",
    "reads", "structures", "parts", "describing", "ranges", "closing",
    "elementwise", "live", "placing", "graph", "activations", "initializers",
    "regularizers", "constraints", "images", "layers", "losses",
    "ops", "random",
    "metrics", "optimizers", "data", "insight", "training", "callbacks", "models", "studies",
    "adopting", "recording", "dialects", "fetching", "datasets", "utils", "backend", "preprocessing", "caviar", "cli", "__main__",
]  # fmt: skip
FRONT_DOORS = ["caviar", "caviar.dialects.tensorflow", "caviar.dialects.tensorflow.aliases"]


def public(module: str) -> list[tuple[str, Any]]:
    found = importlib.import_module(f"caviar.{module}")
    return [(name, getattr(found, name)) for name in found.__all__]


@pytest.mark.parametrize("module", PUBLIC)
def test_the_public_list_is_exact_and_sorted(module: str) -> None:
    names = [name for name, _ in public(module)]
    key = {name: (0 if name.isupper() and name != "l1" else 1 if name[0].isupper() else 2, name) for name in names}
    assert names == sorted(names, key=key.get)
    space = vars(importlib.import_module(f"caviar.{module}"))
    own = [n for n, v in space.items() if n[0] != "_" and n != "Any" and (inspect.isclass(v) or inspect.isfunction(v))]
    assert sorted(set(own) - set(names)) == []


@pytest.mark.parametrize("module", [*PUBLIC, *MODULES])
def test_completion_shows_what_is_public(module: str) -> None:
    """And nothing that the module imports for itself."""
    found = importlib.import_module(f"caviar.{module}")
    assert dir(found) == sorted(set(found.__all__))
    assert [name for name in found.__all__ if not hasattr(found, name)] == []


def test_every_module_that_is_public_completes() -> None:
    """The modules that public modules show."""
    known = [caviar, *(importlib.import_module(f"caviar.{name}") for name in [*PUBLIC, *MODULES])]
    shown = [getattr(module, name) for module in known for name in dir(module) if name[0] != "_"]
    assert {m.__name__ for m in shown if inspect.ismodule(m) and "caviar" in m.__name__} <= {m.__name__ for m in known}


@pytest.mark.parametrize("module", PUBLIC)
def test_everything_public_has_an_example_that_runs(module: str) -> None:
    """The examples themselves are run as doctests. A function made from a class is documented there."""
    named = [(n, v) for n, v in public(module) if inspect.isclass(v) or inspect.isfunction(v)]
    own = [(n, v) for n, v in named if not hasattr(v, "made_from")]
    assert [n for n, v in own if not hasattr(v, "_fields") and ">>>" not in (v.__doc__ or "")] == []


def words_of(text: str) -> set[str]:
    """The words of a name or a sentence, without endings, and without those that say nothing."""
    words = re.findall("[a-z]+", re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", text).replace("_", " ").lower())
    little = {"a", "an", "by", "for", "in", "is", "it", "its", "of", "on", "or", "the", "to", "with"}
    return {re.sub(r"(ings|ing|ers|er|ed|es|s|ions|ion|e)$", "", word) for word in words if word not in little}


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_docstring_says_more_than_the_name(path: Path) -> None:
    """A formula, a symbol or a word that the name has not."""
    kinds = (ast.ClassDef, ast.FunctionDef)
    named = [(n.name, ast.get_docstring(n)) for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, kinds)]
    firsts = [(name, text.split("\n")[0]) for name, text in named if text and name[0] != "_"]
    assert [
        name for name, first in firsts if words_of(first) <= words_of(name) and not re.search(r"[=*/^|`0-9]", first)
    ] == []


def examples_in(path: Path) -> Iterator[tuple[str, str]]:
    """The examples of every docstring in a file, with the names that they use and do not make."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    for node in (n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, kinds)):
        examples = doctest.DocTestParser().get_examples(ast.get_docstring(node) or "")
        table = symtable.symtable("".join(example.source for example in examples), path.name, "exec")
        made = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported() or s.is_namespace()}
        for name in sorted(set(used_in(table)) - made - set(vars(builtins))):
            yield getattr(node, "name", "the module"), name


def used_in(table: symtable.SymbolTable) -> Iterator[str]:
    """The names that a piece of code looks for outside of its functions and classes."""
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (table.get_type() == "module" or symbol.is_global()):
            yield symbol.get_name()
    for inner in table.get_children():
        yield from used_in(inner)


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_an_example_imports_what_it_uses(path: Path) -> None:
    """So that it runs where it is pasted; `conftest.py` has every example run so."""
    assert [f"the example of {where} uses {name}, and does not import it" for where, name in examples_in(path)] == []


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def name_of(path: Path) -> str:
    """The module that a file is: caviar.graph for graph/__init__.py."""
    *folders, last = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(folders if last == "__init__" else [*folders, last])


FILES = {name_of(path): path for path in sorted(SOURCE.rglob("*.py"))}


def at_run_time(tree: ast.AST) -> Iterator[ast.AST]:
    """What Python runs: all but what is written for type checkers."""
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")):
            yield node
            yield from at_run_time(node)


def is_importing(node: ast.AST) -> bool:
    """Whether it is a call of `import_module` or `__import__`."""
    called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
    return called.split(".")[-1] in ("import_module", "__import__")


def written_imports(node: ast.AST) -> list[str]:
    """The modules, or names in modules, that a statement or an expression imports."""
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are written with their whole path"
        return [f"{node.module}.{alias.name}" for alias in node.names]
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if is_importing(node):
        return [n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return []


def imports_of(path: Path) -> set[str]:
    """The files of caviar that a file imports whenever it does: at its top, in a function, or by a string."""
    written = {name for node in at_run_time(ast.parse(path.read_text())) for name in written_imports(node)}
    told = {"caviar.__version__", "caviar.open_dialect"}  # the front door has them before it imports anything
    found = {name if name in FILES else name.rpartition(".")[0] for name in written - told}
    return found & FILES.keys() - {name_of(path)}


def circle_in(graph: dict[str, set[str]]) -> list[str]:
    """A way that comes back to where it began, if there is one."""
    left = dict(graph)
    while ends := {name for name, targets in left.items() if not targets & left.keys()}:
        left = {name: targets for name, targets in left.items() if name not in ends}
    way = sorted(left)[:1]
    while way and way[-1] not in way[:-1]:
        way.append(min(left[way[-1]] & left.keys()))
    return way[way.index(way[-1]) :] if way else []


def test_the_imports_of_the_files_form_no_circle() -> None:
    """Inside the rooms too, and wherever in a file they stand."""
    assert circle_in({name: imports_of(path) for name, path in FILES.items()}) == []


def test_a_circle_is_seen_wherever_an_import_stands() -> None:
    sources = [
        "import caviar.parts",
        "from caviar import parts",
        "from caviar.parts import Part",
        "def f():\n    from caviar.parts import Part",
        "import importlib\nimportlib.import_module('caviar.parts')",
        "__import__('caviar.parts')",
    ]
    for source in sources:
        assert "caviar.parts" in {
            name if name in FILES else name.rpartition(".")[0]
            for node in at_run_time(ast.parse(source))
            for name in written_imports(node)
        }
    guarded = "if TYPE_CHECKING:\n    from caviar.parts import Part"
    assert [name for node in at_run_time(ast.parse(guarded)) for name in written_imports(node)] == []
    assert circle_in({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == ["b", "c", "b"]
    assert circle_in({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_only_front_doors_import_by_name() -> None:
    """Who imports by a string hides where it leads; a front door does so in an explicit table, so that it opens quickly."""
    users = [name for name, path in FILES.items() if any(map(is_importing, ast.walk(ast.parse(path.read_text()))))]
    assert users == FRONT_DOORS


@pytest.mark.parametrize("name", FILES)
def test_a_room_imports_only_from_those_above_it(name: str) -> None:
    room = room_of(FILES[name]).replace("__init__", "caviar")
    rooms = {room_of(FILES[imported]).replace("__init__", "caviar") for imported in imports_of(FILES[name])}
    assert [other for other in rooms if ROOMS.index(other) > ROOMS.index(room)] == []


def test_architecture_names_every_room() -> None:
    """As what it is, a file or a folder."""
    text = (SOURCE.parents[1] / "ARCHITECTURE.md").read_text().split("```")[1].split()
    named = [
        f"{room}/" if (SOURCE / room).is_dir() else f"{room}.py" for room in ROOMS if room not in ("__main__", "caviar")
    ]
    assert [name for name in named if name not in text] == []


def classes_of(path: Path) -> list[str]:
    return [node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)]


def glossary() -> list[tuple[str, str, str]]:
    """The rows of ARCHITECTURE.md's table of words: word, meaning, file."""
    section = (SOURCE.parents[1] / "ARCHITECTURE.md").read_text().split("\n## Words\n")[1].split("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if line.startswith("| **")
    ]
    return [(word.strip("*"), meaning, where.strip("`")) for word, meaning, where in rows]


@pytest.mark.parametrize(("word", "meaning", "where"), glossary(), ids=[row[0] for row in glossary()])
def test_a_word_of_the_glossary_lives_where_it_says(word: str, meaning: str, where: str) -> None:
    """What it calls a class is one, in that file or beside it."""
    beside = {name for path in (SOURCE / where).parent.glob("*.py") for name in classes_of(path)}
    named = set(re.findall(r"`([A-Z]\w+)`", meaning))
    assert (SOURCE / where).exists()
    assert named <= beside


def test_the_glossary_is_short_and_has_every_word_once() -> None:
    words = [row[0] for row in glossary()]
    assert len(words) <= 35
    assert len(set(words)) == len(words)


def test_no_two_classes_share_a_name() -> None:
    """But for what each of two families shows by the name that Keras gives it; dialects spell names of others."""
    defined = [(name, path) for path in FILES.values() if room_of(path) != "dialects" for name in classes_of(path)]
    shown = Counter(name for module in PUBLIC for name in importlib.import_module(f"caviar.{module}").__all__)
    counts = Counter(name.lstrip("_") for name, _ in defined)
    assert {name: n for name, n in counts.items() if n > 1 and shown[name] < n} == {}


def test_no_two_files_of_a_folder_are_almost_named_alike() -> None:
    """Such as step.py beside steps.py, or compiled.py beside compiling.py."""
    endings = "ings|ing|ers|er|ors|or|ed|ions|ion|es|e|s"
    stems = [(path.parent, re.sub(rf"(?<=..)({endings})$", "", path.stem)) for path in FILES.values()]
    assert {f"{folder}/{stem}*" for (folder, stem), n in Counter(stems).items() if n > 1} == set()


def test_no_file_is_too_long_to_read_in_one_sitting() -> None:
    lines = {str(p.relative_to(SOURCE)): len(p.read_text().splitlines()) for p in SOURCE.rglob("*.py")}
    assert {name: n for name, n in lines.items() if n > 400} == {}


def test_the_changelog_begins_with_this_version() -> None:
    heading = next(s for s in (SOURCE.parents[1] / "CHANGELOG.md").read_text().splitlines() if s.startswith("## "))
    number, development, _ = caviar.__version__.partition(".dev")
    assert heading.startswith(f"## {number} (")
    assert ("unreleased" in heading) == bool(development)
