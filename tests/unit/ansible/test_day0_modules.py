"""Day 0's own Ansible modules: what they decide, and that a wrong file never goes live."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from loosemodule import module_of

LIBRARY = Path(__file__).resolve().parents[3] / "ansible" / "playbooks" / "library"
LOGIN_DEFS = "# UMASK is a mask\nUMASK\t\t022\nPASS_MAX_DAYS 99999\nUMASK 077\n"


@pytest.fixture(scope="module")
def config_files() -> ModuleType:
    return module_of(LIBRARY / "config_files.py")


@pytest.fixture(scope="module")
def kernel_settings() -> ModuleType:
    return module_of(LIBRARY / "kernel_settings.py")


def call(files: list[dict[str, Any]], *, check: bool = False, diff: bool = False) -> Any:
    """What the module answers when it is run as Ansible runs it, by whoever runs the tests."""
    given = {"files": files, "_ansible_check_mode": check, "_ansible_diff": diff}
    code = (
        "import importlib.util as u, os, sys\n"
        "s = u.spec_from_file_location('m', sys.argv[1]); m = u.module_from_spec(s)\n"
        "s.loader.exec_module(m); m.OWNER = (os.getuid(), os.getgid())\n"
        "import ansible.module_utils.basic as b\n"
        "b._ANSIBLE_ARGS = sys.argv[2].encode(); b._ANSIBLE_PROFILE = 'legacy'\n"
        "m.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, LIBRARY / "config_files.py",
         json.dumps({"ANSIBLE_MODULE_ARGS": given})],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def test_key_is_replaced_where_it_first_stood_and_said_once(config_files: ModuleType) -> None:
    text = config_files.with_keys(LOGIN_DEFS, {"UMASK": "027", "HOME_MODE": "0700"})
    assert text == "# UMASK is a mask\nUMASK\t027\nPASS_MAX_DAYS 99999\nHOME_MODE\t0700\n"
    assert config_files.with_keys(text, {"UMASK": "027", "HOME_MODE": "0700"}) == text


def test_files_are_put_in_place_with_their_folders_and_then_stay(tmp_path: Path) -> None:
    one = {"dest": str(tmp_path / "a" / "b" / "one"), "content": "1\n", "mode": "0640"}
    two = {"dest": str(tmp_path / "two"), "content": "2\n"}
    assert call([one, two])["replaced"] == [one["dest"], two["dest"]]
    assert Path(one["dest"]).read_text() == "1\n"
    assert Path(one["dest"]).stat().st_mode & 0o7777 == 0o640
    assert (tmp_path / "a").stat().st_mode & 0o7777 == 0o755
    assert call([one, two])["changed"] is False
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "two"]


def test_other_mode_alone_is_a_change_and_mended(tmp_path: Path) -> None:
    file = {"dest": str(tmp_path / "one"), "content": "1\n", "mode": "0600"}
    call([file])
    (tmp_path / "one").chmod(0o644)
    assert call([file])["replaced"] == [file["dest"]]
    assert (tmp_path / "one").stat().st_mode & 0o7777 == 0o600


def test_wrong_file_leaves_all_as_they_were_and_is_told_by_its_place(tmp_path: Path) -> None:
    right = {"dest": str(tmp_path / "right.sh"), "content": "true\n", "validate": "sh -n %s"}
    wrong = {"dest": str(tmp_path / "wrong.sh"), "content": "if\n", "validate": "sh -n %s"}
    answer = call([right, wrong])
    assert answer["failed"]
    assert f"{wrong['dest']} is not put in place: sh refuses it" in answer["msg"]
    assert not list(tmp_path.iterdir())


def test_file_that_shall_not_be_there_goes_once(tmp_path: Path) -> None:
    file = {"dest": str(tmp_path / "one"), "absent": True, "validate": "false %s"}
    assert call([file])["changed"] is False
    (tmp_path / "one").write_text("1\n")
    assert call([file], check=True)["changed"]
    assert (tmp_path / "one").exists()
    assert call([file])["replaced"] == [file["dest"]]
    assert not (tmp_path / "one").exists()


def test_check_changes_nothing_but_tells_what_would_and_what_is_wrong(tmp_path: Path) -> None:
    file = {"dest": str(tmp_path / "deep" / "one.sh"), "content": "true\n", "validate": "sh -n %s"}
    answer = call([file], check=True, diff=True)
    assert answer["changed"]
    assert answer["diff"][0]["after"] == "true\n"
    assert not list(tmp_path.iterdir())
    assert call([{**file, "content": "if\n"}], check=True)["failed"]


def test_link_is_replaced_and_what_it_led_to_left_alone(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("mine\n")
    (tmp_path / "one").symlink_to(tmp_path / "elsewhere")
    call([{"dest": str(tmp_path / "one"), "content": "1\n"}])
    assert not (tmp_path / "one").is_symlink()
    assert (tmp_path / "elsewhere").read_text() == "mine\n"


@pytest.mark.parametrize(
    ("name", "container", "there", "writable", "reason"),
    [
        ("kernel.kptr_restrict", "", True, True, None),
        ("net.ipv4.ip_forward", "lxc", True, True, None),
        # A privileged container could write it: for its host and all other nodes.
        ("kernel.kptr_restrict", "lxc", True, True, "the host's: this is a container (lxc)"),
        ("net.ipv4.neigh.default.gc_thresh3", "lxc", False, True, "not there in this container's"),
        ("kernel.yama.ptrace_scope", "", False, True, "this kernel has none"),
        ("net.netfilter.nf_conntrack_max", "lxc", True, False, "read-only here"),
    ],
)
def test_setting_that_cannot_be_set_has_a_reason(
    kernel_settings: ModuleType,
    name: str,
    container: str,
    there: bool,
    writable: bool,
    reason: str | None,
) -> None:
    found = kernel_settings.why_not(name, container, there, writable)
    assert found == reason or found.startswith(reason)


def test_module_built_in_or_loaded_is_not_loaded_again(kernel_settings: ModuleType) -> None:
    symbols = b"0000 T br_handle_frame\n0000 t vxlan_init_net\t[vxlan]\n0000 t my_tun_chr_open_it\n"
    wanted = {"bridge": "br_handle_frame", "vxlan": "vxlan_init_net", "tun": "tun_chr_open"}
    assert kernel_settings.absent_modules(wanted, symbols) == ["tun"]


@pytest.fixture
def settings(kernel_settings: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the place of /proc/sys, with two interfaces."""
    for place, value in {"all": "0", "eth0": "1", "lo.1": "2"}.items():
        file = tmp_path / "net" / "ipv4" / "conf" / place / "rp_filter"
        file.parent.mkdir(parents=True)
        file.write_text(f"{value}\n")
    monkeypatch.setattr(kernel_settings, "SETTINGS", tmp_path)
    return tmp_path


def test_star_sets_every_interface_once(kernel_settings: ModuleType, settings: Path) -> None:
    wanted = {"net.ipv4.conf.*.rp_filter": "2"}
    assert kernel_settings.set_all(wanted, "", False) == (["net.ipv4.conf.*.rp_filter"], {})
    assert {file.read_text().strip() for file in settings.rglob("rp_filter")} == {"2"}
    assert kernel_settings.set_all(wanted, "", False) == ([], {})


def test_interface_that_goes_meanwhile_is_no_failure(
    kernel_settings: ModuleType, settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [*settings.rglob("rp_filter"), settings / "net/ipv4/conf/tap1/rp_filter"]
    monkeypatch.setattr(kernel_settings, "places", lambda name: found)
    changed, skipped = kernel_settings.set_all({"net.ipv4.conf.*.rp_filter": "2"}, "lxc", False)
    assert (changed, skipped) == (["net.ipv4.conf.*.rp_filter"], {})
    assert {file.read_text().strip() for file in found[:-1]} == {"2"}


def test_check_of_the_kernel_writes_nothing(kernel_settings: ModuleType, settings: Path) -> None:
    changed, _ = kernel_settings.set_all({"net.ipv4.conf.*.rp_filter": "2"}, "", True)
    assert changed
    assert (settings / "net/ipv4/conf/all/rp_filter").read_text() == "0\n"


def test_what_is_left_out_is_in_the_file_with_its_reason(kernel_settings: ModuleType) -> None:
    text = kernel_settings.render({"a.b": "1", "c.d": "2"}, {"c.d": "read-only here"})
    assert text.splitlines()[1:] == ["a.b = 1", "# c.d = 2  # read-only here"]
    assert kernel_settings.by_reason({"c.d": "x", "e.f": "x"}) == {"x": ["c.d", "e.f"]}


def test_file_that_is_no_longer_needed_goes(kernel_settings: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "modules-load.d" / "host.conf"
    assert kernel_settings.place(file, "tun\n", False)
    assert not kernel_settings.place(file, "tun\n", False)
    assert kernel_settings.place(file, "", True)
    assert file.exists()
    assert kernel_settings.place(file, "", False)
    assert not file.exists()
