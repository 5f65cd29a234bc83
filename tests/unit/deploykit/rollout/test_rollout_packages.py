"""A set of packages on its way to a master, and what the master keeps of it."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from deploykit.base.progress import Silent
from deploykit.mirror.packageset import Package, PackageSet, Snapshot
from deploykit.mirror.wheels import WheelSet
from deploykit.rollout import keep_packages, packages, salt, sending

SCRIPT = Path(keep_packages.__file__)
Files = dict[str, bytes]


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def ask(folder: Path, act: str, name: str, files: Files) -> tuple[int, Any]:
    """What the master's program answers, as it is called over SSH."""
    wanted = {path: digest(data) for path, data in files.items()}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.read_text(), str(folder)],
        input=json.dumps({"act": act, "set": name, "files": wanted}),
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout) if done.returncode == 0 else done.stderr


def lay(folder: Path, *contents: bytes) -> None:
    for data in contents:
        (folder / "incoming" / digest(data)).write_bytes(data)


def test_set_is_laid_out_once_all_its_files_arrived(tmp_path: Path) -> None:
    files = {"dists/x/InRelease": b"list", "pool/a.deb": b"a", "pool/b.deb": b"b"}
    assert ask(tmp_path, "missing", "one", files) == (0, sorted(map(digest, files.values())))
    lay(tmp_path, b"list", b"a")
    status, said = ask(tmp_path, "install", "one", files)
    assert status == 1 and "pool/b.deb did not arrive whole" in said
    assert not (tmp_path / "sets" / "one").exists()
    assert ask(tmp_path, "missing", "one", files) == (0, [digest(b"b")])
    lay(tmp_path, b"b")
    assert ask(tmp_path, "install", "one", files) == (0, True)
    for path, data in files.items():
        assert (tmp_path / "sets" / "one" / path).read_bytes() == data
    assert ask(tmp_path, "install", "one", files) == (0, False)
    assert ask(tmp_path, "missing", "one", files) == (0, [])


def test_next_set_takes_what_is_there_and_old_ones_go(tmp_path: Path) -> None:
    for number in range(5):
        files = {"pool/same.deb": b"same", f"pool/{number}.deb": str(number).encode()}
        missing = ask(tmp_path, "missing", f"set{number}", files)[1]
        assert (digest(b"same") in missing) == (number == 0)
        lay(tmp_path, *(data for data in files.values() if digest(data) in missing))
        assert ask(tmp_path, "install", f"set{number}", files) == (0, True)
    assert sorted(one.name for one in (tmp_path / "sets").iterdir()) == ["set2", "set3", "set4"]
    kept = {file.name for file in (tmp_path / "files").iterdir()}
    assert kept == {digest(data) for data in (b"same", b"2", b"3", b"4")}


def test_file_that_is_not_what_its_name_says_is_not_taken(tmp_path: Path) -> None:
    files = {"pool/a.deb": b"a"}
    ask(tmp_path, "missing", "one", files)
    (tmp_path / "incoming" / digest(b"a")).write_bytes(b"other")
    status, said = ask(tmp_path, "install", "one", files)
    assert status == 1 and "did not arrive whole" in said
    assert not list((tmp_path / "files").iterdir())


def test_wheels_do_not_push_packages_out(tmp_path: Path) -> None:
    names = ["packages", *(f"salt-{number}" for number in range(5))]
    for name in names:
        ask(tmp_path, "missing", name, {name: name.encode()})
        lay(tmp_path, name.encode())
        assert ask(tmp_path, "install", name, {name: name.encode()}) == (0, True)
    kept = sorted(one.name for one in (tmp_path / "sets").iterdir())
    assert kept == ["packages", "salt-2", "salt-3", "salt-4"]


@pytest.mark.parametrize("path", ["../out.deb", "/out.deb", "pool/../../out.deb"])
def test_path_that_leaves_the_set_is_refused(tmp_path: Path, path: str) -> None:
    folder = tmp_path / "deep"
    ask(folder, "missing", "one", {path: b"a"})
    lay(folder, b"a")
    status, said = ask(folder, "install", "one", {path: b"a"})
    assert status == 1 and "no path inside the set" in said
    assert not (tmp_path / "out.deb").exists() and not (folder / "sets" / "one").exists()


@pytest.fixture
def master(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A master that is the folder `folder`; `sent` are the names of the files that came to it."""
    folder, sent = tmp_path / "master", list[str]()

    def run_on(host: Any, inventory: Any, words: list[str], **more: Any) -> Any:
        given = [sys.executable, *words[1:-1], str(folder)]
        done = subprocess.run(
            given, input=more["input"], capture_output=True, text=True, check=True
        )
        return SimpleNamespace(stdout=done.stdout)

    def scp(words: list[Any], **more: Any) -> None:
        assert words[0] == "scp" and words[-1] == "salt:/srv/packages/incoming/"
        for file in words[5:-1]:
            sent.append(file.name)
            shutil.copy(file, folder / "incoming" / file.name)

    monkeypatch.setattr(sending, "run_on", run_on)
    monkeypatch.setattr(sending, "run", scp)
    host = SimpleNamespace(name="salt", addresses={"management": "10.1.0.10"})
    return SimpleNamespace(
        folder=folder,
        sent=sent,
        inventory=SimpleNamespace(instance="test", master=host, ssh_config=tmp_path / "config"),
        work=SimpleNamespace(site=None, log=lambda _: tmp_path / "log", progress=Silent()),
    )


def test_master_gets_what_it_lacks_and_nodes_are_told_where_it_is(
    tmp_path: Path, master: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = tmp_path / "published" / "set"
    deb = Package("a", "1", "all", digest(b"a"), 1, "a_1_all.deb", "a", "1")
    one = PackageSet((Snapshot("bookworm", (deb,)),), {})
    for path, data in (("dists/bookworm/InRelease", b"list"), ("pool/a/a_1_all.deb", b"a")):
        (published / path).parent.mkdir(parents=True)
        (published / path).write_bytes(data)
    monkeypatch.setattr(packages, "pinned_packages", lambda pins: one)
    monkeypatch.setattr(packages, "publish_set", lambda *_: published)
    monkeypatch.setattr(packages, "open_store", lambda: None)
    monkeypatch.setattr(packages, "site_signing_key", lambda _: SimpleNamespace(public="KEY\n"))
    release: Any = SimpleNamespace(manifest=tmp_path / "pins.yml")
    found = packages.send_packages(master.work, release, master.inventory)
    assert found is not None and sorted(master.sent) == sorted([digest(b"list"), digest(b"a")])
    mirror = found["packages_mirror"]
    assert isinstance(mirror, dict)
    assert mirror["url"] == f"http://10.1.0.10:8065/{one.digest}"
    assert (mirror["suites"], mirror["key"]) == (["bookworm"], "KEY\n")
    assert (master.folder / "sets" / one.digest / "pool/a/a_1_all.deb").read_bytes() == b"a"
    master.sent.clear()
    packages.send_packages(master.work, release, master.inventory)
    assert master.sent == [] and list((tmp_path / "published").iterdir()) == [published]


def test_salt_of_a_release_is_at_its_master_and_day_0_is_told(
    tmp_path: Path, master: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, cache = tmp_path / "content", tmp_path / "cache" / "wheels"
    assert salt.send_salt(master.work, content, master.inventory) == {}
    (content / "ansible").mkdir(parents=True)
    hashes = f" --hash=sha256:{'a' * 64}\n"
    (content / "ansible" / "salt.txt").write_text(f"pip==1{hashes}salt==2{hashes}")
    cache.mkdir(parents=True)
    (cache / "salt-2.whl").write_bytes(b"wheel")
    wheels = WheelSet("salt-of-the-lock", {"salt-2.whl": digest(b"wheel")})
    monkeypatch.setattr(salt, "fetch_wheels", lambda lock, log: (wheels, cache))
    told: Any = salt.send_salt(master.work, content, master.inventory)
    assert master.sent == [digest(b"wheel")]
    kept = master.folder / "sets" / f"salt-{wheels.digest}" / "salt-2.whl"
    assert kept.read_bytes() == b"wheel"
    told = told["salt_wheels"]
    assert told["folder"] == "salt-of-the-lock"
    assert told["served"] == {
        "address": "10.1.0.10", "port": 8065, "folder": "/srv/packages/sets"
    }  # fmt: skip
    assert json.loads(told["request"]) == {
        "folder": "salt-of-the-lock",
        "files": {"salt-2.whl": digest(b"wheel")},
        "from": f"http://10.1.0.10:8065/salt-{wheels.digest}",
    }
    compile(told["installer"], "installer", "exec")
    salt.send_salt(master.work, content, master.inventory)
    assert len(master.sent) == 1
