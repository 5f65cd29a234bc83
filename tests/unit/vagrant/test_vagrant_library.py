"""The Ruby library of the Vagrantfile, by its own tests."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def test_the_library_of_the_vagrantfile_passes_its_own_tests(checkout: Path) -> None:
    ruby = shutil.which("ruby")
    if ruby is None:
        pytest.skip("no Ruby: deploy-kit/setup --tests")
    environment = {**os.environ, "VAGRANT_LIB": str(checkout / "vagrant" / "lib")}
    done = subprocess.run(
        [ruby, str(HERE / "lib_test.rb")],
        capture_output=True,
        text=True,
        timeout=100,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 failures, 0 errors" in done.stdout
