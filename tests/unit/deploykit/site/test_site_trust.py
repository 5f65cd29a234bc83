"""Whose a site is, what it may be called, and who may read what is kept of it."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from deploykit.base.errors import DeployKitError, InputError
from deploykit.nodes import inventory as inventories
from deploykit.nodes.inventory import (
    Inventory,
    control_folder,
    make_control_folder,
    renew_ssh_config,
    write_ssh_files,
)
from deploykit.providers.lxd.instance import orphans
from deploykit.providers.lxd.plan import TAG
from deploykit.site import Site, find_site, open_site
from ledgerbook import Call
from sitecheckout import Checkout


@pytest.mark.parametrize(
    "name", ["../../../../tmp/x", "/tmp/x", ".", "..", "a/b", ".hidden", "a b", "x" * 64, "''"]
)
def test_name_of_a_site_that_would_be_a_path_is_refused(site: Site, name: str) -> None:
    (site.folder / "site.yml").write_text(f"name: {name}\n")
    with pytest.raises(InputError, match=r"site\.yml:1: name"):
        open_site(site.folder)


def test_site_of_another_user_is_not_walked_into_but_may_be_named(
    checkout_with_site: Checkout, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    below = checkout_with_site.folder / "salt" / "states"
    assert find_site(below) == checkout_with_site.site.folder
    monkeypatch.delenv("SUDO_UID", raising=False)
    user = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    with pytest.raises(InputError, match="belongs to another user") as refused:
        find_site(below)
    assert f"--site {checkout_with_site.site.folder}" in refused.value.remedy
    assert call("release", "list")[0] == 0
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("SUDO_UID", str(user))
    assert find_site(below) == checkout_with_site.site.folder


def test_state_is_this_users_alone_also_where_it_was_not(
    call: Call, checkout_with_site: Checkout
) -> None:
    state = checkout_with_site.site.state
    (state / "logs").mkdir(parents=True, mode=0o755)
    before = os.umask(0o022)
    try:
        call("status")
        call("deploy", "latest", "test")  # refused, but its logs have a folder
    finally:
        os.umask(before)
    folders = [state, *(path for path in state.iterdir() if path.is_dir())]
    assert {"logs", "instances", "unpacked", "ledger"} <= {path.name for path in folders}
    for folder in folders:
        if folder.name != "ledger.git":  # below the state folder; git has made it
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder


@pytest.fixture
def squatted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder like /tmp, in which somebody else has made ours first."""
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr(inventories, "TEMPORARY", tmp_path / "tmp")
    mine = tmp_path / "tmp" / f"deploykit-{os.geteuid()}"
    mine.mkdir(parents=True, mode=0o700)
    assert control_folder() == mine
    mine.chmod(0o777)
    return mine


@pytest.mark.parametrize("how", ["open to all", "link", "file"])
def test_folder_for_sockets_that_another_made_is_gone_round_and_found_again(
    squatted: Path, tmp_path: Path, how: str
) -> None:
    if how != "open to all":
        squatted.rmdir()
        (tmp_path / "evil").mkdir(mode=0o700)
        squatted.symlink_to(tmp_path / "evil") if how == "link" else squatted.write_text("")
    made = control_folder()
    assert made != squatted and made.parent == squatted.parent
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    make_control_folder()
    assert control_folder() == made
    made.chmod(0o755)
    assert control_folder() != made
    assert list((tmp_path / "evil").iterdir() if how == "link" else []) == []


def test_ssh_config_that_leads_to_sockets_of_another_is_written_anew(
    squatted: Path, tmp_path: Path, site: Site
) -> None:
    environment = site.environment("test")
    found = Inventory(environment, environment.instance, (), tmp_path / "key", tmp_path / "i")
    squatted.chmod(0o700)
    write_ssh_files(found)
    assert f"{squatted}/" in found.ssh_config.read_text()
    assert stat.S_IMODE(found.ssh_config.stat().st_mode) == 0o600
    squatted.chmod(0o777)
    renew_ssh_config(found)
    assert f"{squatted}/" not in found.ssh_config.read_text()
    assert str(control_folder()) in found.ssh_config.read_text()


class Projects:
    """LXD, as far as it is asked which projects there are."""

    def __init__(self, *configs: dict[str, str]) -> None:
        self.configs = configs

    def get(self, path: str, **more: Any) -> list[dict[str, Any]]:
        return [{"config": config} for config in self.configs]


def tagged(instance: str, folder: Path, **more: str) -> dict[str, str]:
    tags = {"site": "0a1b2c", "instance": instance, "folder": str(folder), **more}
    return {TAG + key: value for key, value in tags.items()}


def test_prune_leaves_what_is_protected_or_not_known_of_a_folder_that_was_moved(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    lxd = Projects(
        tagged("production", gone, protected="true"),
        tagged("older", gone),  # made before there was such a tag
        tagged("production~x", gone, protected="true"),
        tagged("test", gone, protected="false"),
        tagged("here", tmp_path, protected="false"),
    )
    found = {str(one.names.instance): one.protected for one in orphans(lxd)}  # type: ignore[arg-type]
    assert found == {"production": True, "older": True, "production~x": False, "test": False}
    taken: list[str] = []
    monkeypatch.setattr("deploykit.providers.lxd.api.Lxd", lambda: lxd)
    monkeypatch.setattr(
        "deploykit.providers.lxd.instance.remove_instance",
        lambda lxd, names: taken.append(names.project),
    )
    code, out, _ = call("env", "prune", "--yes")
    assert code == 0 and taken == ["dk-0a1b2c-production.x", "dk-0a1b2c-test"]
    assert "move it back" in out and "--yes-i-mean dk-0a1b2c-production" in out
    taken.clear()
    code, _, _ = call("env", "prune", "--yes", "--yes-i-mean", "dk-0a1b2c-production")
    assert "dk-0a1b2c-production" in taken and "dk-0a1b2c-older" not in taken


def test_file_beside_the_folder_for_sockets_is_no_reason_to_give_up(squatted: Path) -> None:
    (squatted.parent / f"{squatted.name}-file").write_text("")
    try:
        make_control_folder()
    except DeployKitError as error:
        pytest.fail(error.message)
