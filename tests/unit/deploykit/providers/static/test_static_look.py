"""What look.sh and authorize.sh do on a machine, run on this one."""

from __future__ import annotations

from pathlib import Path

import pytest
from deploykit.base.errors import DeployKitError
from deploykit.base.process import run
from deploykit.providers.static.look import read_look, script


def test_what_this_machine_tells_of_itself_is_read() -> None:
    done = run(["sh", "-s"], timeout=60, input=script("look.sh"))
    look = read_look(done.stdout)
    assert look.memory > 2**28 and look.disk > 0 and look.clock > 1.7e9
    assert look.system and look.init and look.python
    assert "lo" in {one.name for one in look.interfaces}


def test_answer_that_was_cut_off_is_no_look() -> None:
    done = run(["sh", "-s"], timeout=60, input=script("look.sh"))
    with pytest.raises(DeployKitError, match="to the end"):
        read_look(done.stdout.rpartition("end\t")[0])


def test_key_is_let_in_once_however_often(tmp_path: Path) -> None:
    text = script("authorize.sh").replace("/root/", f"{tmp_path}/")
    for key in ("AAAA", "BBBB", "BBBB"):
        line = f"ssh-ed25519 {key} deploy-kit there-0a1b2c cloud"
        words = f"set -- '{line}' 'deploy-kit there-0a1b2c cloud'\n"
        run(["sh", "-s"], timeout=20, input=words + text)
    keys = tmp_path / ".ssh" / "authorized_keys"
    assert keys.read_text() == "ssh-ed25519 BBBB deploy-kit there-0a1b2c cloud\n"
    assert [path.name for path in (tmp_path / ".ssh").iterdir()] == ["authorized_keys"]
