"""The master that day 0 sets up, asked by Salt's own code what a minion with root may ask."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from deploykit.mirror.wheelstore import PYTHON
from rendering import salt_of_the_image

# The first one may have to build Salt.
pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("rendered")]
SCRIPT = Path(__file__).resolve().parents[1] / "support" / "guardedmaster.py"
ROLE = Path("ansible", "roles", "salt_master", "templates")
RUN = "#!py\ndef run():\n    open({mark!r}, 'w')\n    return {{'base': {{'*': ['a']}}}}\n"
ELSEWHERE = "../evil"
DIGEST = "a" * 64


class Master:
    """A folder with kits, something beside them that is none, and the guarded master."""

    def __init__(self, folder: Path, program: Path) -> None:
        self._folder, self._program = folder, program
        self.mark = folder / "rendered on the master"
        for kit in ("kits/current", f"kits/{DIGEST}"):
            self.write(f"{kit}/salt/states/x.txt", "shown")
            self.write(f"{kit}/salt/pillar/top.sls", f"{Path(kit).name}:\n  '*': [a]\n")
            self.write(f"{kit}/salt/pillar/a.sls", "sum: {{ 1 + 1 }}\n")
        self.write("evil/salt/states/x.txt", "hidden")
        for name in ("top", "a"):
            self.write(f"evil/salt/pillar/{name}.sls", RUN.format(mark=str(self.mark)))

    def write(self, name: str, text: str) -> None:
        file = self._folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def ask(self, *requests: tuple[str, dict[str, Any]]) -> list[Any]:
        """What Salt answers to [function, load] each."""
        root = self._folder / "kits" / "__env__" / "salt"
        config = self._folder / "config.json"
        config.write_text(
            json.dumps(
                {
                    "file_roots": {"__env__": [str(root / "states")]},
                    "pillar_roots": {"__env__": [str(root / "pillar")]},
                    "minion_data_cache": False,
                }
            )
        )
        scratch = self._folder / "scratch"
        scratch.mkdir(exist_ok=True)
        done = subprocess.run(
            [PYTHON, "-W", "ignore", SCRIPT, self._program, scratch, config],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(salt_of_the_image())},
            input=json.dumps(requests),
            capture_output=True,
            text=True,
            timeout=250,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return [answer for answer, _ in json.loads(done.stdout)]


@pytest.fixture
def master(checkout: Path, tmp_path: Path) -> Master:
    return Master(tmp_path, checkout / ROLE / "guarded.py.j2")


def file_asked(path: str, saltenv: Any) -> tuple[str, dict[str, Any]]:
    return ("_serve_file", {"path": path, "loc": 0, "saltenv": saltenv, "id": "c1"})


def pillar_asked(**names: Any) -> tuple[str, dict[str, Any]]:
    return ("_pillar", {"id": "c1", "grains": {"id": "c1"}, **names})


def test_minion_gets_files_and_pillar_of_releases(master: Master) -> None:
    names = ("current", DIGEST)
    files = [file_asked("x.txt", name) for name in names]
    pillars = [pillar_asked(saltenv=name, pillarenv=name) for name in names]
    first, second, *found = master.ask(*files, *pillars)
    assert "shown" in first["data"]
    assert "shown" in second["data"]
    assert found == [{"sum": 2}, {"sum": 2}]


def test_environment_that_is_named_by_a_path_is_refused_and_nothing_is_rendered(
    master: Master,
) -> None:
    asked = [
        file_asked("x.txt", ELSEWHERE),
        file_asked("x.txt", [ELSEWHERE]),
        file_asked(f"x.txt?saltenv={ELSEWHERE}", "current"),
        file_asked(f"x.txt?index=0&saltenv={ELSEWHERE}", ELSEWHERE),
        ("_file_list", {"saltenv": ELSEWHERE, "id": "c1"}),
        ("_file_hash", {"path": "x.txt", "saltenv": f"current/../{ELSEWHERE}", "id": "c1"}),
        pillar_asked(saltenv="current", pillarenv=ELSEWHERE),
        pillar_asked(saltenv=ELSEWHERE),
        pillar_asked(env=ELSEWHERE),
        pillar_asked(saltenv="current\n", pillarenv=f"{DIGEST}/"),
    ]
    answers = dict(zip(map(str, asked), master.ask(*asked), strict=True))
    assert {one: answer for one, answer in answers.items() if answer != {}} == {}
    assert not master.mark.exists()


def test_without_the_guard_salt_would_render_it(master: Master, tmp_path: Path) -> None:
    # What the tests above stand on: if Salt itself refuses it one day, the guard may go.
    (tmp_path / "nothing.py").write_text("")
    open_ = Master(tmp_path, tmp_path / "nothing.py")
    open_.ask(pillar_asked(saltenv="current", pillarenv=ELSEWHERE))
    assert open_.mark.exists()
