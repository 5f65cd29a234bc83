"""What keeps a rendering: it is made once, and of exactly what is there; Salt itself is not run."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import rendered
from deploykit.base.errors import InputError
from rendered import MASTER_PILLAR, content_of, digest, fitting, render_side
from topologies import TOPOLOGIES, Topology


class Content:
    """A checkout with one state, a renderer that returns it, and how often that was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked = 0
        self.state = folder / "salt/states/nova/init.sls"
        self.write(self.state, "one")
        self.write(folder / "salt/states/lib/files/undo.py", "")
        self.write(folder / "salt/roles.yml", "roles: {hypervisor: {components: [nova]}}")
        self.write(folder / MASTER_PILLAR, "")
        for name in ("pillar", "orchestrate"):
            self.write(folder / "salt" / name / "deploy.sls", "")

    def write(self, file: Path, text: str) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def rendered(self, checkout: Path, *more: Any) -> dict[str, Any]:
        self.asked += 1
        text = (checkout / "salt/states/nova/init.sls").read_text()
        states = [{"name": text, "source": "salt://lib/files/undo.py"}]
        return {"one": {"highstate": states, "sls": {}}, "orchestration": []}


@pytest.fixture
def content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Content:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = Content(tmp_path / "checkout")
    monkeypatch.setattr(rendered, "render_topology", made.rendered)
    monkeypatch.setattr(rendered, "salt_of_the_image", lambda: tmp_path)
    return made


def names(side: rendered.Side) -> set[str]:
    return {nodes["one"]["highstate"][0]["name"] for nodes in side.topologies.values()}


def test_side_is_rendered_once_and_its_copy_elsewhere_is_the_same(
    content: Content, tmp_path: Path
) -> None:
    first = render_side(content.folder)
    assert content.asked == len(TOPOLOGIES)
    content.folder.rename(tmp_path / "elsewhere")
    assert render_side(tmp_path / "elsewhere") == first
    assert content.asked == len(TOPOLOGIES)
    assert first.components == {"nova"} and names(first) == {"one"}


def test_changed_content_is_rendered_anew(content: Content) -> None:
    render_side(content.folder)
    content.state.write_text("two")
    assert names(render_side(content.folder)) == {"two"}
    content.state.write_text("one")
    assert names(render_side(content.folder)) == {"one"}
    assert content.asked == 2 * len(TOPOLOGIES)


def test_content_edited_while_it_is_rendered_is_not_kept(
    content: Content, monkeypatch: pytest.MonkeyPatch
) -> None:
    def editing(checkout: Path, *more: Any) -> dict[str, Any]:
        answer = content.rendered(checkout)
        content.state.write_text("two")
        return answer

    monkeypatch.setattr(rendered, "render_topology", editing)
    render_side(content.folder)
    content.state.write_text("one")
    monkeypatch.setattr(rendered, "render_topology", content.rendered)
    render_side(content.folder)
    assert content.asked == 2 * len(TOPOLOGIES)


def test_sides_used_last_are_kept_and_the_others_forgotten(
    content: Content, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendered, "KEPT", 2)
    for text in ("one", "two", "one", "three", "one"):
        content.state.write_text(text)
        render_side(content.folder)
    assert content.asked == 3 * len(TOPOLOGIES)
    content.state.write_text("two")
    render_side(content.folder)
    assert content.asked == 4 * len(TOPOLOGIES)


def test_digest_is_of_the_name_and_text_of_each_file_of_the_content(content: Content) -> None:
    first = digest(content.folder)
    content.state.write_text("two")
    second = digest(content.folder)
    content.state.rename(content.state.with_name("config.sls"))
    third = digest(content.folder)
    (content.folder / MASTER_PILLAR).write_text("x")
    fourth = digest(content.folder)
    assert len({first, second, third, fourth}) == 4
    content.write(content.folder / "salt/smoke/new.py", "x")
    content.write(content.folder / "README.md", "x")
    content.write(content.folder / "salt/states/__pycache__/x.pyc", "x")
    assert digest(content.folder) == fourth, "nothing of that is rendered"


def test_sources_are_the_files_that_states_name_and_the_state_modules(content: Content) -> None:
    modules = content.folder / "salt/states/_states"
    content.write(modules / "unit.py", "1")

    def found() -> dict[str, str]:
        key = digest(content.folder)
        sources = rendered.render(content.folder, "tiny", key)["one"]["sources"]
        return dict(sources)

    before = found()
    assert set(before) == {"_states/unit.py", "salt://lib/files/undo.py"}
    content.write(content.folder / "salt/states/lib/files/undo.py", "2")
    after = found()
    assert {name for name in after if after[name] != before[name]} == {"salt://lib/files/undo.py"}
    content.write(modules / "unit.py", "2")
    assert found()["_states/unit.py"] != after["_states/unit.py"]


def test_role_that_one_side_does_not_know_is_left_out_of_its_topologies() -> None:
    topology = fitting(Topology({"a": ["identity", "new"], "b": ["new"]}), {"identity"})
    assert topology.nodes == {"a": ["identity"]}


def test_content_of_a_commit_is_that_of_the_commit(content: Content) -> None:
    git = ["git", "-C", str(content.folder), "-c", "user.name=T", "-c", "user.email=t@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
        subprocess.run([*git, *words], check=True, timeout=30)
    committed = digest(content.folder)
    content.state.write_text("two")
    with content_of(content.folder, "HEAD") as folder:
        assert digest(folder) == committed
    assert not folder.exists()
    with pytest.raises(InputError, match="nowhere"), content_of(content.folder, "nowhere"):
        pass
