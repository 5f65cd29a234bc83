"""The program that lays wheels out on a node, run as there: by Debian's Python, off a server."""

from __future__ import annotations

import hashlib
import json
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from deploykit.mirror.serving import serving
from deploykit.mirror.wheelstore import PYTHON, installer

FOLDER = "salt-0123456789abcdef"
METADATA = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel with a program, and pip as Debian has it."""
    folder = tmp_path_factory.mktemp("wheels")
    (pip,) = Path("/usr/share/python-wheels").glob("pip-*.whl")
    (folder / pip.name).write_bytes(pip.read_bytes())
    with zipfile.ZipFile(folder / "demo-1.0-py3-none-any.whl", "w") as demo:
        demo.writestr("demo.py", "def main():\n    print('it runs')\n")
        info = "demo-1.0.dist-info"
        demo.writestr(f"{info}/METADATA", METADATA)
        demo.writestr(f"{info}/WHEEL", WHEEL)
        demo.writestr(f"{info}/entry_points.txt", "[console_scripts]\ndemo = demo:main\n")
        demo.writestr(f"{info}/RECORD", "")
    return folder


@pytest.fixture
def url(wheels: Path) -> Iterator[str]:
    with serving(wheels) as address:
        yield address


def lay_out(
    root: Path, wheels: Path, source: str, change: Callable[[dict[str, str]], None] | None = None
) -> subprocess.CompletedProcess[str]:
    files = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in wheels.iterdir()}
    if change is not None:
        change(files)
    request = {"folder": FOLDER, "files": files, "from": source, "root": str(root)}
    # A proxy that this machine has is not asked for what a master serves.
    env = {"PATH": "/usr/bin:/bin", "http_proxy": "http://127.0.0.1:9", "LANG": "C.UTF-8"}
    return subprocess.run(
        [str(PYTHON), "-c", installer()], input=json.dumps(request), env=env,
        capture_output=True, text=True, check=False, timeout=110,
    )  # fmt: skip


def test_wheels_of_a_server_become_a_folder_that_is_right_for_its_place(
    tmp_path: Path, wheels: Path, url: str
) -> None:
    done = lay_out(tmp_path, wheels, url)
    assert (done.returncode, done.stdout) == (0, "made\n"), done.stderr
    tree = tmp_path / "opt" / FOLDER
    assert (tree / "bin" / "demo").read_text().splitlines()[0] == f"#!/opt/{FOLDER}/bin/python3"
    assert "include-system-site-packages = true" in (tree / "pyvenv.cfg").read_text()
    said = [str(tree / "bin" / "python3"), "-c", "import demo; demo.main(); print(demo.__file__)"]
    ran = subprocess.run(said, capture_output=True, text=True, check=True, timeout=60).stdout
    assert ran.splitlines() == ["it runs", str(tree / "lib/python3.11/site-packages/demo.py")]
    assert list(tree.rglob("demo.cpython-*.pyc"))
    assert [path.name for path in (tmp_path / "opt").iterdir()] == [FOLDER]
    again = lay_out(tmp_path, wheels, "http://127.0.0.1:9")
    assert (again.returncode, again.stdout) == (0, "there\n")


def test_file_of_other_bytes_is_not_laid_out(tmp_path: Path, wheels: Path, url: str) -> None:
    def other(files: dict[str, str]) -> None:
        files["demo-1.0-py3-none-any.whl"] = "0" * 64

    done = lay_out(tmp_path, wheels, url, other)
    assert done.returncode == 1 and "is not the file of the release" in done.stderr
    assert not (tmp_path / "opt" / FOLDER).exists()
    assert lay_out(tmp_path, wheels, url).returncode == 0


def test_file_that_the_server_lacks_is_named(tmp_path: Path, wheels: Path, url: str) -> None:
    def more(files: dict[str, str]) -> None:
        files["more-1.0-py3-none-any.whl"] = "0" * 64

    done = lay_out(tmp_path, wheels, url, more)
    assert done.returncode == 1
    assert f"{url}/more-1.0-py3-none-any.whl: HTTP Error 404" in done.stderr
    assert "deploy again" in done.stderr


def test_what_a_cut_off_run_left_is_made_anew(tmp_path: Path, wheels: Path) -> None:
    half = tmp_path / "opt" / f".{FOLDER}.new"
    (half / "bin").mkdir(parents=True)
    (half / "stray").touch()
    (tmp_path / "opt" / f".{FOLDER}.wheels").mkdir()
    (tmp_path / "opt" / f".{FOLDER}.wheels" / "demo-1.0-py3-none-any.whl").write_text("half")
    done = lay_out(tmp_path, wheels, str(wheels))
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "opt" / FOLDER / "stray").exists()
    assert [path.name for path in (tmp_path / "opt").iterdir()] == [FOLDER]


@pytest.mark.parametrize("name", ["../evil.whl", "a/b.whl", ".hidden.whl", ""])
def test_name_that_is_no_wheels_is_refused(tmp_path: Path, wheels: Path, name: str) -> None:
    def odd(files: dict[str, str]) -> None:
        files[name] = "0" * 64

    done = lay_out(tmp_path, wheels, str(wheels), odd)
    assert done.returncode == 1 and "is no name of a wheel" in done.stderr
    assert not (tmp_path / "opt").exists()
