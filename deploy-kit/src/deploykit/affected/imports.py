"""Which Python file needs which others of this repository, read from the files themselves."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

# Folders from which names are imported, and what else is Python.
SOURCES = ("gitshelf/src", "deploy-kit/src", "kitchen", "tests/support")
FOLDERS = (*SOURCES, "tests")
DISTRIBUTIONS = ("gitshelf", "deploy-kit")
POINTER = re.compile(r"([a-z_][\w.]*):(\w+)")  # module:attribute
Known = Mapping[str, str]  # dotted name -> file


@dataclass(frozen=True, slots=True)
class Packages:
    """The import graph, by file (paths below the checkout), lazy imports included.

    `commands` says which file a command of `deploy-kit` is in, `plugins` which one an entry point
    names, so that a suite can say what it exercises without knowing a module.
    """

    imports: Mapping[str, frozenset[str]]
    commands: Mapping[str, str] = field(default_factory=dict)
    plugins: Mapping[str, str] = field(default_factory=dict)

    def beside(self, path: str) -> frozenset[str]:
        """The Python files of the package that `path`, which is none itself, is data of.

        None of them if it lies in no package: a folder below one that has an `__init__.py`.
        """
        for folder in PurePosixPath(path).parents:
            if f"{folder}/__init__.py" in self.imports:
                return frozenset(
                    file for file in self.imports if PurePosixPath(file).parent == folder
                )
        return frozenset()


def reach(packages: Packages, files: Iterable[str]) -> frozenset[str]:
    """`files` and every file that they import, directly or not."""
    reached: set[str] = set()
    waiting = list(files)
    while waiting:
        file = waiting.pop()
        if file not in reached:
            reached.add(file)
            waiting += packages.imports.get(file, ())
    return frozenset(reached)


def read_packages(checkout: Path) -> Packages:
    """The graph of the Python files of `checkout`; one that is no Python imports nothing."""
    files = sorted({file for folder in FOLDERS for file in (checkout / folder).rglob("*.py")})
    known = {
        dotted(file.relative_to(checkout / source)): str(file.relative_to(checkout))
        for source in SOURCES
        for file in files
        if file.is_relative_to(checkout / source)
    }
    names = {file: name for name, file in known.items()}
    imports, pointers = {}, {}
    for file in files:
        path = str(file.relative_to(checkout))
        try:
            tree = ast.parse(file.read_text(encoding="utf-8"))
        except SyntaxError:
            tree = ast.parse("")
        nodes = list(ast.walk(tree))  # once: walking is what takes long
        imports[path] = needed(path, nodes, names.get(path, ""), known) - {path}
        pointers[path] = dict(pointers_of(nodes, known))
    plugins, scripts = entry_points(checkout, known)
    commands = {name: file for script in scripts for name, file in pointers.get(script, {}).items()}
    return Packages(imports, commands, plugins)


def dotted(file: Path) -> str:
    """The name that a file below a folder of sources is imported by."""
    parts = file.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def needed(path: str, nodes: Sequence[ast.AST], own: str, known: Known) -> frozenset[str]:
    """The files that the file `path` needs, which is imported as `own` ('' for none): what it
    imports, with the packages around that, what it names as a resource, and the conftest.py that
    pytest reads before it. `nodes` are all of its syntax tree.
    """
    package = own if path.endswith("/__init__.py") else own.rpartition(".")[0]
    names = set(imported(nodes, package))
    texts = {
        node.value
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    files: set[str] = set()
    for name in names:
        files |= files_of(name, known)
    for text in texts:
        files |= named(text, known)
    if any(isinstance(node, ast.Name) and node.id == "__file__" for node in nodes):
        files |= neighbours(path, texts, known)
    if path.startswith("tests/"):
        folders = PurePosixPath(path).parents
        files |= {f"{folder}/conftest.py" for folder in folders if str(folder) != "."} - {path}
    return frozenset(files)


def imported(nodes: Iterable[ast.AST], package: str) -> Iterator[str]:
    """The dotted names that a module of `package` imports; of `from a import b` both a and a.b."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            around = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*around, node.module or ""] if node.level else [node.module or ""])
            base = base.strip(".")
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def files_of(name: str, known: Known) -> set[str]:
    """The file of the module `name` and those of the packages it lies in."""
    parts = name.split(".")
    names = (".".join(parts[:length]) for length in range(1, len(parts) + 1))
    return {known[package] for package in names if package in known}


def named(text: str, known: Known) -> set[str]:
    """The files of what `text` names by a dotted name, a whole package if it names one.

    Resources are looked up so, and programs for other machines are written so. `module:name` does
    not count: that is an entry in a table of what may be imported.
    """
    files: set[str] = set()
    for match in re.finditer(r"\b[a-z_]+(?:\.[a-z_]\w*)+(?!\.?\w|:)", text):
        name = match[0]
        if name in known:
            files |= files_of(name, known)
            if known[name].endswith("/__init__.py"):
                files |= {file for module, file in known.items() if module.startswith(f"{name}.")}
    return files


def neighbours(path: str, texts: Iterable[str], known: Known) -> set[str]:
    """Files beside `path`, or in a folder beside it, that a module which knows its own place names.

    So does who sends modules to another machine.
    """
    folder = str(PurePosixPath(path).parent)
    files = set(known.values())
    named: set[str] = set()
    for text in texts:
        if re.fullmatch(r"[\w/.]+", text):
            named |= {f"{folder}/{text}.py", f"{folder}/{text}"} & files
            named |= {file for file in files if file.startswith(f"{folder}/{text.strip('/')}/")}
    return named


def pointers_of(nodes: Iterable[ast.AST], known: Known) -> Iterator[tuple[str, str]]:
    """Key and file of each entry 'KEY': 'module:attribute' of the dictionaries of a module."""
    for node in nodes:
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(value, ast.Constant):
                    file = pointed(str(value.value), known)
                    if file:
                        yield str(key.value), file


def pointed(text: str, known: Known) -> str:
    """The file of 'module:attribute'; '' if it is none of ours."""
    match = POINTER.fullmatch(text)
    return known.get(match[1], "") if match else ""


def entry_points(checkout: Path, known: Known) -> tuple[dict[str, str], list[str]]:
    """Plugins (name -> file) and the files of the scripts, as the pyproject.toml files say."""
    plugins: dict[str, str] = {}
    scripts: list[str] = []
    for distribution in DISTRIBUTIONS:
        file = checkout / distribution / "pyproject.toml"
        if file.is_file():
            project = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
            for group in project.get("entry-points", {}).values():
                plugins |= {name: pointed(text, known) for name, text in group.items()}
            scripts += [pointed(text, known) for text in project.get("scripts", {}).values()]
    return plugins, scripts
