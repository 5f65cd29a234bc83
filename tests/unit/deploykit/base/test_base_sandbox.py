"""The sandbox, with the real bubblewrap: what is seen inside, what can be done, what is left."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from deploykit.base import sandbox
from deploykit.base.errors import CommandFailed, DeployKitError, InputError
from deploykit.base.process import Result
from deploykit.base.sandbox import (
    Sandbox,
    arguments,
    is_off,
    python_folders,
    run_confined,
    sandbox_problem,
    system_mounts,
)

RESULTS = Path("/results")


def sh(line: str, box: Sandbox | None = None, **more: object) -> Result:
    """What a line of shell does in a sandbox."""
    return run_confined(box or Sandbox(), ["sh", "-c", line], timeout=20, env={}, **more)  # type: ignore[arg-type]


@pytest.fixture
def kit(tmp_path: Path) -> Path:
    folder = tmp_path / "state" / "unpacked" / "kit"
    folder.mkdir(parents=True)
    (folder / "file").write_text("of the kit\n")
    return folder.resolve()


def test_what_is_shown_can_be_read_and_not_written(kit: Path) -> None:
    box = Sandbox(shown=(kit,))
    assert sh(f"cat {kit}/file", box).stdout == "of the kit\n"
    for line in (
        f"echo x >> {kit}/file",
        f"touch {kit}/new",
        f"rm {kit}/file",
        f"chmod 777 {kit}/file",
        "touch /usr/new",
        "touch /new",
    ):
        done = sh(line, box)
        assert done.returncode != 0, line
        assert "ead-only" in done.stderr, line
    assert sorted(path.name for path in kit.iterdir()) == ["file"]


def test_nothing_beside_what_is_shown_is_there(kit: Path) -> None:
    (kit.parent / "beside").write_text("secret")
    box = Sandbox(shown=(kit,))
    assert sh(f"ls {kit.parent}", box).stdout.split() == ["kit"]
    assert sh(f"cat {kit.parent}/beside", box).returncode != 0
    for place in (Path.home(), Path("/var"), Path("/run"), Path("/root"), Path("/etc/shadow")):
        assert sh(f"ls -A {place}", box).stdout == "", place


def test_folder_that_is_hidden_is_empty_even_within_what_is_shown(tmp_path: Path) -> None:
    outer = tmp_path.resolve()
    hidden, kit = outer / "state", outer / "state" / "unpacked"
    kit.mkdir(parents=True)
    (hidden / "key").write_text("secret")
    (kit / "file").write_text("of the kit")
    (outer / "python").write_text("3")
    box = Sandbox(shown=(outer, kit), hidden=(hidden,))
    assert sh(f"cat {outer}/python {kit}/file", box).stdout == "3of the kit"
    assert sh(f"ls {hidden}", box).stdout.split() == ["unpacked"]


def test_links_lead_nowhere_but_within_the_sandbox(kit: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    for name, target in {
        "absolute": str(secret),
        "relative": os.path.relpath(secret, kit),
        "by-process": f"/proc/self/root{secret}",
        "by-first": f"/proc/1/root{secret}",
        "by-folder": f"/proc/1/cwd/{os.path.relpath(secret, '/')}",
    }.items():
        (kit / name).symlink_to(target)
        done = sh(f"cat {kit}/{name}", Sandbox(shown=(kit,)))
        assert done.returncode != 0, name
        assert "secret" not in done.stdout


def test_environment_of_the_caller_is_seen_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPLOY_TOKEN", "hunter2")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/tmp/agent-hunter2")
    done = sh("env; for one in /proc/[0-9]*/environ; do tr '\\0' '\\n' < $one; done")
    assert "PATH=" in done.stdout
    assert "hunter2" not in done.stdout
    assert "SSH_AUTH_SOCK" not in done.stdout
    assert sorted(line.partition("=")[0] for line in sh("env").stdout.splitlines()) == [
        *("HOME", "LC_ALL", "LOGNAME", "PATH", "PWD", "PYTHONDONTWRITEBYTECODE", "TERM", "USER")
    ]


def test_no_process_of_this_machine_is_seen() -> None:
    seen = sh("ls /proc").stdout.split()
    assert str(os.getpid()) not in seen
    assert len([name for name in seen if name.isdigit()]) <= 4  # bwrap's, sh, ls


def test_it_has_no_capability_and_gets_none() -> None:
    status = sh("cat /proc/self/status").stdout
    assert "CapEff:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status
    assert sh("unshare --user --map-root-user true").returncode != 0
    assert sh("mount -t tmpfs none /tmp").returncode != 0


def test_without_a_network_it_sees_no_interface_but_its_own_loopback() -> None:
    interfaces = "sed -n 's/^ *\\([^ :]*\\):.*/\\1/p' /proc/net/dev"
    assert sh(interfaces, Sandbox(network=False)).stdout.split() == ["lo"]


def test_tmp_and_home_are_its_own_and_gone_afterwards() -> None:
    mark = f"mark-{os.getpid()}"
    assert sh(f"touch /tmp/{mark} ~/{mark} && ls /tmp ~").returncode == 0
    assert not Path("/tmp", mark).exists()
    assert mark not in sh("ls -A /tmp ~").stdout


def test_result_file_is_written_and_cannot_become_a_link(tmp_path: Path) -> None:
    target = tmp_path / "results.xml"
    target.touch()
    box = Sandbox(written={RESULTS: target})
    assert sh(f"echo found > {RESULTS}", box).returncode == 0
    assert target.read_text() == "found\n"
    for line in (
        f"rm -f {RESULTS} && ln -s /etc/passwd {RESULTS}",
        f"ln -sf /etc/passwd {RESULTS}",
        f"ln -s /etc/passwd /tmp/link && mv /tmp/link {RESULTS}",
    ):
        assert sh(line, box).returncode != 0, line
    assert not target.is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results.xml"]


def test_nothing_that_it_started_is_left_when_it_ends() -> None:
    seconds = f"1{os.getpid()}"
    began = time.monotonic()
    sh(f"setsid sleep {seconds} & sleep {seconds} &")
    assert time.monotonic() - began < 4
    time.sleep(0.2)
    assert subprocess.run(["pgrep", "-f", f"^sleep {seconds}"], check=False).returncode == 1


def test_nothing_is_left_when_its_time_is_over() -> None:
    seconds = f"2{os.getpid()}"
    with pytest.raises(CommandFailed, match="sh, in its sandbox, did not finish within 1 s"):
        run_confined(Sandbox(), ["sh", "-c", f"setsid sleep {seconds}"], timeout=1, env={})
    time.sleep(0.2)
    assert subprocess.run(["pgrep", "-f", f"^sleep {seconds}"], check=False).returncode == 1


def test_python_of_this_process_runs_there() -> None:
    import sys

    words = [sys.executable, "-c", "import pytest, testinfra, ansible"]
    done = run_confined(Sandbox(shown=python_folders()), words, timeout=60, env={})
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_ordinary_user_has_the_same_sandbox(tmp_path: Path) -> None:
    words = ["bwrap", *arguments(Sandbox(), system_mounts(), None), "--", "sh", "-c"]
    done = subprocess.run(
        [*words, "grep CapEff /proc/self/status; touch /tmp/x; ls /tmp; ls /root"],
        user=65534, group=65534, extra_groups=[], env={"PATH": "/usr/bin:/bin"}, cwd="/",
        capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert done.stdout.split() == ["CapEff:", "0000000000000000", "ssh", "x"]


def test_missing_program_is_an_error_with_a_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.demand_sandbox.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DeployKitError, match="the program bwrap is missing") as caught:
        sh("true")
    assert "deploy-kit/setup" in caught.value.remedy


def test_program_that_cannot_run_here_is_told_in_its_own_words(tmp_path: Path) -> None:
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho 'bwrap: No permissions to create namespace' >&2\nexit 1\n")
    program.chmod(0o755)
    assert "No permissions to create namespace" in sandbox_problem(str(tmp_path))


def test_what_cannot_be_shown_is_an_error_and_no_failed_program(tmp_path: Path) -> None:
    with pytest.raises(DeployKitError, match=r"could not be made.*gone"):
        sh("true", Sandbox(shown=(tmp_path / "gone",)))


@pytest.mark.parametrize(("said", "off"), [("off", True), ("on", False), ("", False)])
def test_only_the_word_off_turns_it_off(said: str, off: bool) -> None:
    assert is_off(said) is off


def test_any_other_word_is_wrong_input() -> None:
    with pytest.raises(InputError, match="DEPLOY_KIT_SANDBOX='no'"):
        is_off("no")
