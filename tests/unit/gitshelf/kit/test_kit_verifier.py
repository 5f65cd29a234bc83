"""The verifier that goes along to a master."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import gitshelf


def test_verifier_zip_works_with_the_standard_library_alone(
    kit: Path, tmp_path: Path, signing_key: Path, signers: Path
) -> None:
    gitshelf.sign_release(kit.parent, signing_key)
    data = gitshelf.verifier_zip()
    assert data == gitshelf.verifier_zip()
    program = tmp_path / "verifier.zip"
    program.write_bytes(data)
    argv = [sys.executable, "-I", "-S", program, "extract", kit, tmp_path / "out"]
    done = subprocess.run([*argv, "--signers", signers], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert gitshelf.verify(kit).digest in done.stdout
    assert (tmp_path / "out" / "b" / "a").read_bytes() == b"text\n"
    with kit.open("r+b") as file:
        file.seek(600)
        file.write(b"!")
    argv = [sys.executable, "-I", "-S", program, "verify", kit]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
