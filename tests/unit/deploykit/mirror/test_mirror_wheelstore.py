"""The wheels of a lock fetched once, kept, and proved each time."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from deploykit.base.errors import CommandFailed, DeployKitError
from deploykit.base.process import Result
from deploykit.mirror import wheelstore
from deploykit.mirror.wheels import Lock, parse_lock
from deploykit.mirror.wheelstore import fetch_wheels, lock_in, release_lock

HASH = f" \\\n    --hash=sha256:{'a' * 64}\n"
LOCK = "".join(f"{name}{HASH}" for name in ("pip==1", "salt==2", "setuptools==3", "six==4"))


@dataclass
class Pip:
    """Stands in for Debian's Python: makes a wheel for each requirement it is given."""

    python: str = "3.11.2"
    fails: str = ""
    calls: list[list[str]] = field(default_factory=list)
    given: dict[str, str] = field(default_factory=dict)

    def __call__(self, argv: Sequence[str | Path], **more: Any) -> Result:
        words = [str(word) for word in argv]
        if words[-1] == "--version":
            return Result(tuple(words), 0, f"Python {self.python}\n", "", 0.0)
        if "config" in words:
            return Result(tuple(words), 0, "", "", 0.0)
        acts = [word for word in ("venv", "install", "download", "wheel") if word in words]
        self.calls.append([*acts, *(word for word in words if word.startswith("--no-build"))])
        if self.fails in acts:
            raise CommandFailed(f"{self.fails} failed")
        if acts[0] != "venv":
            self.given[acts[0]] = Path(words[-1]).read_text()
        if acts[0] in ("download", "wheel"):
            into = Path(
                words[words.index("--dest" if acts[0] == "download" else "--wheel-dir") + 1]
            )
            for line in self.given[acts[0]].splitlines():
                if "==" in line:
                    name = line.split()[0].replace("==", "-")
                    (into / f"{name}-py3-none-any.whl").write_text(line)
        return Result(tuple(words), 0, "", "", 0.0)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(wheelstore, "cache_home", lambda: tmp_path / "cache")
    (tmp_path / "cache" / "wheels").mkdir(parents=True)
    return tmp_path / "cache" / "wheels"


def lock() -> Lock:
    return parse_lock(LOCK, "salt.txt")


def test_wheels_are_fetched_once_and_salt_is_built_by_what_is_locked(cache: Path) -> None:
    pip = Pip()
    found, folder = fetch_wheels(lock(), cache / "log", pip)
    assert folder == cache / lock().folder and found.folder == lock().folder
    assert sorted(found.files) == [
        f"{name}-py3-none-any.whl" for name in ("pip-1", "salt-2", "setuptools-3", "six-4")
    ]
    assert pip.calls == [["venv"], ["install"], ["download"], ["wheel", "--no-build-isolation"]]
    assert "setuptools==3" in pip.given["install"] and "six" not in pip.given["install"]
    assert "salt" not in pip.given["download"] and pip.given["wheel"].startswith("salt==2")
    again = Pip(fails="venv")
    assert fetch_wheels(lock(), cache / "log", again) == (found, folder)
    assert again.calls == []


def test_wheel_that_was_damaged_is_fetched_again(cache: Path) -> None:
    found, folder = fetch_wheels(lock(), cache / "log", Pip())
    (folder / "six-4-py3-none-any.whl").write_text("other")
    assert fetch_wheels(lock(), cache / "log", Pip()) == (found, folder)
    assert (folder / "six-4-py3-none-any.whl").read_text().startswith("six==4")


def test_what_another_set_has_is_not_fetched_again(cache: Path) -> None:
    _, folder = fetch_wheels(lock(), cache / "log", Pip())
    six = folder / "six-4-py3-none-any.whl"
    own = f"six==4 --hash=sha256:{hashlib.sha256(six.read_bytes()).hexdigest()}\n"
    text = LOCK.replace(f"six==4{HASH}", own).replace("salt==2", "salt==3")
    pip = Pip()
    found, newer = fetch_wheels(parse_lock(text, "salt.txt"), cache / "log", pip)
    assert "six" not in pip.given["download"] and "pip==1" in pip.given["download"]
    assert (newer / six.name).samefile(six) and six.name in found.files
    assert "salt-3-py3-none-any.whl" in found.files


@pytest.mark.parametrize("act", ["install", "download", "wheel"])
def test_fetch_that_failed_leaves_nothing_that_counts(cache: Path, act: str) -> None:
    with pytest.raises(CommandFailed):
        fetch_wheels(lock(), cache / "log", Pip(fails=act))
    assert not (cache / lock().folder).exists()
    found, folder = fetch_wheels(lock(), cache / "log", Pip())
    assert len(found.files) == 4
    assert [path.name for path in cache.iterdir() if path.is_dir()] == [folder.name]


def test_machine_with_another_python_says_where_the_wheels_may_come_from(cache: Path) -> None:
    with pytest.raises(DeployKitError, match=r"is 3\.13\.5: nodes have 3\.11") as refused:
        fetch_wheels(lock(), cache / "log", Pip(python="3.13.5"))
    assert str(cache / lock().folder) in refused.value.remedy
    found, folder = fetch_wheels(lock(), cache / "log", Pip())
    assert fetch_wheels(lock(), cache / "log", Pip(python="3.13.5")) == (found, folder)


def test_content_brings_its_own_salt_or_has_the_one_of_deploy_kit(tmp_path: Path) -> None:
    assert lock_in(tmp_path) is None
    assert release_lock(tmp_path).version.startswith("3008.")
    (tmp_path / "ansible").mkdir()
    (tmp_path / "ansible" / "salt.txt").write_text(LOCK)
    assert release_lock(tmp_path).version == "2"
