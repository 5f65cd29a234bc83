"""`deploy-kit rollback --restore`: what it says is lost, and that it asks."""

from __future__ import annotations

from pathlib import Path

import pytest
from deploykit.cli import main
from trainworld import World, build_world


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Two releases were deployed one after the other; with the second the schema moved."""
    world = build_world(tmp_path / "world", monkeypatch, {"alpha": None})
    world.with_database("alpha")
    for schema in ("zed", "antelope"):
        world.deploy(world.release(schemas={"keystone": schema}), "alpha")
        world.write("alpha", f"{schema};")
    return world


def test_restore_names_what_is_lost_and_does_nothing_without_a_yes(
    world: World, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def rollback(*words: str) -> tuple[object, str]:
        site = str(world.site.folder)
        monkeypatch.setattr("sys.argv", ["deploy-kit", "--site", site, "rollback", "alpha", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capfd.readouterr()
        return ended.value.code, said.out + said.err

    (backup,) = world.backups("alpha")
    code, said = rollback("--restore")
    assert code == 1 and "say so: --yes" in said
    assert "every database of alpha what was written since 20" in said and backup["name"] in said
    assert world.data("alpha") == "zed;antelope;"
    code, said = rollback("--restore", "--yes")
    assert code == 0 and "alpha runs " in said
    assert world.data("alpha") == "zed;"
