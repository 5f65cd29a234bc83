"""The import graph, read from files that were written for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from deploykit.affected.imports import Packages, reach, read_packages

SRC = "deploy-kit/src/deploykit"
FILES = {
    f"{SRC}/__init__.py": "",
    f"{SRC}/cli/__init__.py": 'COMMANDS = {"go": "deploykit.cli.go:go"}\n',
    f"{SRC}/cli/go.py": "def go():\n    from deploykit.deep.low import x\n",
    f"{SRC}/deep/__init__.py": "from . import shared\n",
    f"{SRC}/deep/shared.py": "import gitshelf.kit\n",
    f"{SRC}/deep/low.py": "from ..master import session\n",
    f"{SRC}/deep/data.txt": "",
    f"{SRC}/master/__init__.py": "",
    f"{SRC}/master/session.py": 'HERE = Path(__file__).parent / "remote"\n',
    f"{SRC}/master/remote/agent.py": "",
    f"{SRC}/alone.py": 'TEXT = "from gitshelf.kit import x"\n',
    "gitshelf/src/gitshelf/__init__.py": "",
    "gitshelf/src/gitshelf/kit.py": "",
    "tests/conftest.py": "",
    "tests/support/help.py": "import deploykit.alone\n",
    "tests/integration/test_one.py": "import help\n",
    "tests/broken.py": "def (\n",
    "deploy-kit/pyproject.toml": '[project]\nscripts = {d = "deploykit.cli:main"}\n'
    '[project.entry-points."deploykit.checks"]\nlow = "deploykit.deep.low:Low"\n',
}


@pytest.fixture
def packages(tmp_path: Path) -> Packages:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return read_packages(tmp_path)


def test_lazy_and_relative_imports_count_with_the_packages_around(packages: Packages) -> None:
    found = reach(packages, [f"{SRC}/cli/go.py"])
    assert found == {
        *(f"{SRC}/{one}" for one in ("__init__.py", "cli/go.py", "deep/__init__.py")),
        *(f"{SRC}/deep/{one}" for one in ("shared.py", "low.py")),
        *(f"{SRC}/master/{one}" for one in ("__init__.py", "session.py", "remote/agent.py")),
        *("gitshelf/src/gitshelf/__init__.py", "gitshelf/src/gitshelf/kit.py"),
    }


def test_table_of_commands_is_no_import_and_says_where_commands_are(packages: Packages) -> None:
    assert packages.commands == {"go": f"{SRC}/cli/go.py"}
    assert packages.plugins == {"low": f"{SRC}/deep/low.py"}
    assert f"{SRC}/cli/go.py" not in reach(packages, [f"{SRC}/cli/__init__.py"])


def test_program_that_is_written_for_another_machine_names_what_it_imports(
    packages: Packages,
) -> None:
    assert "gitshelf/src/gitshelf/kit.py" in reach(packages, [f"{SRC}/alone.py"])


def test_test_needs_its_support_and_its_conftest(packages: Packages) -> None:
    found = reach(packages, ["tests/integration/test_one.py"])
    assert {"tests/conftest.py", "tests/support/help.py", f"{SRC}/alone.py"} <= found


def test_data_lies_beside_the_files_of_its_package_only(packages: Packages) -> None:
    beside = {f"{SRC}/deep/{one}" for one in ("__init__.py", "shared.py", "low.py")}
    assert packages.beside(f"{SRC}/deep/data.txt") == beside
    assert packages.beside("docs/page.md") == set()


def test_file_that_is_no_python_imports_nothing(packages: Packages) -> None:
    assert reach(packages, ["tests/broken.py"]) == {"tests/broken.py", "tests/conftest.py"}
