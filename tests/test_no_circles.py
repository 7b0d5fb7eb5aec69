"""No file and no folder imports, through others, itself.

One rule says both. In each folder, its files and its sub-folders, each sub-folder taken with all that it holds, import one
another in one direction only. Files that go round in a circle do so at the folder that they have in common; so do folders.
Every import statement counts, without exception: those inside functions, which only put a circle off, and those for types.
Two things are no import statement: Python runs the `__init__` of a folder before a file in it, and a registry's folder looks
for its files by name, so that their entries are found.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {"ikun_sym": ROOT / "ikun_sym", "ikun_derivations": ROOT / "derivations", "ikun_validate": ROOT / "validate"}
Graph = dict[str, set[str]]


def modules(packages: dict[str, Path]) -> dict[str, Path]:
    """The file of each module; a folder's own file is called `folder.__init__`, a file among its files."""
    return {
        ".".join((package, *path.relative_to(folder).with_suffix("").parts)): path
        for package, folder in packages.items()
        for path in folder.rglob("*.py")
    }


def imports(packages: dict[str, Path]) -> Graph:
    """The modules that each module names in an import."""
    files = modules(packages)
    return {name: set(_imported(name, ast.parse(path.read_text(encoding="utf-8")), files)) for name, path in files.items()}


def _imported(name: str, tree: ast.AST, files: dict[str, Path]) -> Iterator[str]:
    folder = name.split(".")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            wanted = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = folder[: len(folder) - node.level + 1] if node.level else []
            source = ".".join([*start, *([node.module] if node.module else [])])
            wanted = [f"{source}.{alias.name}" for alias in node.names]
        else:
            continue
        for target in wanted:
            found = [n for n in (target, f"{target}.__init__", *_holders(target)) if n in files]
            if found and found[0] != name:
                yield found[0]


def _holders(target: str) -> tuple[str, str]:
    """The file that may define the name `target`: the module or the folder before the last dot."""
    holder = target.rpartition(".")[0]
    return holder, f"{holder}.__init__"


def circles(graph: Graph) -> list[list[str]]:
    """For each folder the sets of its files and sub-folders that import one another in a circle."""
    levels: dict[str, Graph] = defaultdict(lambda: defaultdict(set))
    for source, targets in graph.items():
        for target in targets:
            a, b = source.split("."), target.split(".")
            depth = next(i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y)
            levels[".".join(a[:depth])][".".join(a[: depth + 1])].add(".".join(b[: depth + 1]))
    return [circle for level in sorted(levels) for circle in _components(levels[level])]


def _components(graph: Graph) -> list[list[str]]:
    """The strongly connected components of more than one node."""
    reached = {node: _reached(graph, node) for node in list(graph)}
    sets = {frozenset(b for b in reached[a] if a in reached.get(b, ())) for a in reached}
    return sorted(sorted(component) for component in sets if len(component) > 1)


def _reached(graph: Graph, start: str) -> set[str]:
    seen: set[str] = set()
    todo = [start]
    while todo:
        for node in graph.get(todo.pop(), ()):
            if node not in seen:
                seen.add(node)
                todo.append(node)
    return seen


def test_no_file_and_no_folder_imports_itself_through_others():
    assert circles(imports(PACKAGES)) == []


def test_one_import_the_wrong_way_is_found_in_the_packages():
    graph = imports(PACKAGES)
    assert "ikun_sym.errors" in graph["ikun_sym.files"]
    graph["ikun_sym.errors"].add("ikun_sym.files")
    assert ["ikun_sym.errors", "ikun_sym.files"] in circles(graph)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"a.py": "from .b import x", "b.py": "x = 1"}, []),
        ({"a.py": "from .b import x", "b.py": "import p.a"}, [["p.a", "p.b"]]),
        (
            {"a.py": "from . import b", "b.py": "def f():\n    from p.c import x", "c.py": "from .a import y"},
            [["p.a", "p.b", "p.c"]],
        ),
        ({"a.py": "if TYPE_CHECKING:\n    from .b import x", "b.py": "from .a import y"}, [["p.a", "p.b"]]),
        # the folders go round, the files do not
        ({"q/a.py": "from ..r.b import x", "q/c.py": "", "r/b.py": "x = 1", "r/d.py": "from ..q import c"}, [["p.q", "p.r"]]),
        # a folder's own file is one of its files
        ({"__init__.py": "from .a import x", "a.py": "from . import version"}, [["p.__init__", "p.a"]]),
        ({"__init__.py": "from .q.a import x", "q/a.py": "from ..b import y", "b.py": "y = 1"}, []),
    ],
)
def test_a_planted_circle_is_found(tmp_path, files, expected):
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert circles(imports({"p": tmp_path})) == expected
