"""Role salt: the move of what lives from one Salt to another, and back where it does not start."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

OLD, NEW = "salt-aaaaaaaaaaaaaaaa", "salt-bbbbbbbbbbbbbbbb"
# A systemctl that notes its calls with the Salt of that moment, and starts nothing by a broken one.
SYSTEMCTL = """\
#!/bin/sh
now=$(readlink "$OPT/salt")
case $1 in
is-active) grep -qx "$2" "$OPT/alive" && echo active || { echo inactive; exit 3; } ;;
restart) echo "$* by $now" >>"$OPT/calls"; [ ! -e "$OPT/$now/broken" ] ;;
esac
"""


@pytest.fixture
def opt(tmp_path: Path) -> Path:
    """A node's /opt with two Salts, of which the old one runs both units."""
    for name in (OLD, NEW):
        (tmp_path / name / "bin").mkdir(parents=True)
        (tmp_path / name / "bin" / "salt-minion").touch(mode=0o755)
    (tmp_path / "salt").symlink_to(OLD)
    (tmp_path / "alive").write_text("salt-master\nsalt-minion\n")
    (tmp_path / "calls").touch()
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "systemctl").write_text(SYSTEMCTL)
    (tmp_path / "path" / "systemctl").chmod(0o755)
    return tmp_path


def move(opt: Path, to: str, *units: str) -> subprocess.CompletedProcess[str]:
    script = Path(__file__).resolve().parents[3] / "ansible/roles/salt/files/switch.sh"
    env = {"PATH": f"{opt / 'path'}:/usr/bin:/bin", "OPT": str(opt)}
    return subprocess.run(
        ["sh", str(script), to, *units], env=env, capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip


def points_to(opt: Path) -> str:
    return (opt / "salt").readlink().name


def calls(opt: Path) -> list[str]:
    return (opt / "calls").read_text().splitlines()


def test_what_runs_is_restarted_by_the_new_salt_and_the_old_one_is_kept(opt: Path) -> None:
    (opt / "salt-cccccccccccccccc").mkdir()
    done = move(opt, NEW, "salt-master", "salt-minion")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"moved from {OLD} to {NEW}\n"
    assert calls(opt) == [f"restart salt-master salt-minion by {NEW}"]
    assert points_to(opt) == NEW
    assert sorted(path.name for path in opt.glob("salt-*")) == [OLD, NEW]
    assert not list(opt.glob(".salt*"))
    again = move(opt, NEW, "salt-master", "salt-minion")
    assert (again.returncode, again.stdout) == (0, "") and len(calls(opt)) == 1


def test_unit_that_does_not_run_is_not_started(opt: Path) -> None:
    (opt / "alive").write_text("salt-minion\n")
    assert move(opt, NEW, "salt-master", "salt-minion").returncode == 0
    assert calls(opt) == [f"restart salt-minion by {NEW}"]


def test_salt_that_does_not_start_goes_back_to_the_one_of_before(opt: Path) -> None:
    (opt / NEW / "broken").touch()
    done = move(opt, NEW, "salt-minion")
    assert done.returncode == 1 and f"salt-minion did not start with {NEW}" in done.stderr
    assert calls(opt) == [f"restart salt-minion by {NEW}", f"restart salt-minion by {OLD}"]
    assert points_to(opt) == OLD and not list(opt.glob(".salt*"))


def test_move_that_was_cut_off_before_the_restart_is_finished(opt: Path) -> None:
    (opt / "salt").unlink()
    (opt / "salt").symlink_to(NEW)
    (opt / ".salt.moving").write_text(f"{OLD}\n")
    assert move(opt, NEW, "salt-minion").returncode == 0
    assert calls(opt) == [f"restart salt-minion by {NEW}"]
    (opt / ".salt.moving").write_text(f"{OLD}\n")
    (opt / NEW / "broken").touch()
    assert move(opt, NEW, "salt-minion").returncode == 1
    assert points_to(opt) == OLD


def test_folder_of_an_image_of_before_becomes_one_that_can_be_gone_back_to(opt: Path) -> None:
    (opt / "salt").unlink()
    (opt / OLD).rename(opt / "salt")
    (opt / NEW / "broken").touch()
    assert move(opt, NEW, "salt-minion").returncode == 1
    assert points_to(opt) == "salt-before"
    (opt / NEW / "broken").unlink()
    assert move(opt, NEW, "salt-minion").returncode == 0
    assert points_to(opt) == NEW and (opt / "salt-before").is_dir()


def test_salt_that_is_not_there_is_not_moved_to(opt: Path) -> None:
    done = move(opt, "salt-dddddddddddddddd", "salt-minion")
    assert done.returncode == 2 and "there is no" in done.stderr
    assert points_to(opt) == OLD and calls(opt) == []
