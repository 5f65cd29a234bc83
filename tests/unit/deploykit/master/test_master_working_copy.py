"""The working copy on a master: taken in whole, by plain files only, beside the kits."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from deploykit.base.errors import InputError
from deploykit.develop.working_copy import packed, states_of
from deploykit.master.remote import kits
from deploykit.master.remote.protocol import AgentError, Channel


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(kits, "ROOT", tmp_path / "kits")
    (tmp_path / "kits").mkdir()
    return tmp_path / "kits"


@pytest.fixture
def content(tmp_path: Path) -> Path:
    folder = tmp_path / "salt"
    (folder / "states" / "web" / "__pycache__").mkdir(parents=True)
    (folder / "states" / "web" / "init.sls").write_text("one\n")
    (folder / "states" / "web" / "check.py").write_text("#!\n")
    (folder / "states" / "web" / "check.py").chmod(0o755)
    (folder / "states" / "web" / "__pycache__" / "x.pyc").write_text("no\n")
    (folder / "states" / "secret").symlink_to("/etc/shadow")
    (folder / "roles.yml").write_text(
        "common: [trust]\nroles:\n  front: {components: [web], stage: control}\n"
        "  master: {components: []}\n"
    )
    return folder


def put(payload: bytes) -> bool:
    return kits.put_working(Channel(io.BytesIO(payload), io.BytesIO()), len(payload))


def test_working_copy_lies_as_a_kit_unpacks(content: Path, root: Path) -> None:
    assert put(packed(content))
    there = kits.folder("working") / "salt"
    assert there == root / "working" / "salt"
    files = {str(path.relative_to(there)) for path in there.rglob("*") if path.is_file()}
    assert files == {"roles.yml", "states/web/check.py", "states/web/init.sls"}
    assert (there / "states/web/check.py").stat().st_mode & 0o777 == 0o755
    original = content / "states/web/init.sls"
    assert (there / "states/web/init.sls").stat().st_mtime == pytest.approx(
        original.stat().st_mtime, abs=1
    )


def test_what_was_there_gives_way_as_a_whole(content: Path, root: Path) -> None:
    put(packed(content))
    (content / "states" / "web" / "check.py").unlink()
    put(packed(content))
    assert not (root / "working" / "salt" / "states" / "web" / "check.py").exists()
    assert sorted(path.name for path in root.iterdir()) == ["working"]


def test_mounted_working_copy_is_left_alone(
    content: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "working" / "salt").mkdir(parents=True)
    monkeypatch.setattr(Path, "is_mount", lambda self: self == root / "working" / "salt")
    assert not put(packed(content))
    assert list((root / "working" / "salt").iterdir()) == []


@pytest.mark.parametrize("name", ["../outside", "/etc/outside", "salt/link"])
def test_member_that_is_no_plain_file_below_is_refused(root: Path, name: str) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo(name)
        if name.endswith("link"):
            member.type, member.linkname = tarfile.SYMTYPE, "/etc"
        tar.addfile(member, io.BytesIO())
    with pytest.raises(AgentError, match="not a plain file"):
        put(buffer.getvalue())
    assert not (root / "working").exists()


def test_prune_of_kits_leaves_the_working_copy(content: Path, root: Path) -> None:
    put(packed(content))
    (root / ("0" * 64)).mkdir()
    kits.prune(keep=[])
    assert [path.name for path in root.iterdir()] == ["working"]


def test_role_names_its_components_only(content: Path) -> None:
    assert states_of(content, "front") == ("web",)
    assert states_of(content, None) == ()
    with pytest.raises(InputError, match="no role 'frnt'") as caught:
        states_of(content, "frnt")
    assert "front" in caught.value.remedy
    with pytest.raises(InputError, match="no components"):
        states_of(content, "master")


def test_mounted_working_copy_is_there_without_a_signature(root: Path) -> None:
    assert not kits.present(kits.WORKING)
    (root / kits.WORKING / "salt").mkdir(parents=True)
    assert kits.present(kits.WORKING)
