"""npm-groovy-lint has nothing to say of the Jenkinsfile. Its packages are locked by npm."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from npmpackages import npm_packages

pytestmark = [pytest.mark.java, pytest.mark.timeout(1500)]
LOCKED = Path(__file__).parents[2] / "support" / "groovylint"
RULES = {
    "extends": "recommended-jenkinsfile",
    "rules": {
        # What a declarative pipeline looks like is Jenkins' word, not the linter's.
        "NestedBlockDepth": "off",
        "formatting.Indentation": {"spacesPerIndentLevel": 4},
    },
}


@pytest.fixture(scope="module")
def linter() -> Path:
    """The installed linter."""
    if shutil.which("java") is None:
        pytest.skip("there is no java: deploy-kit/setup --tests installs it")
    return npm_packages(LOCKED) / ".bin" / "npm-groovy-lint"


def findings(linter: Path, folder: Path) -> list[Any]:
    """What the linter says of the Jenkinsfile in `folder`."""
    (folder / ".groovylintrc.json").write_text(json.dumps(RULES))
    argv = [linter, "--noserver", "--output", "json", "--failon", "none", "--path", folder]
    done = subprocess.run(
        [*argv, "--config", folder / ".groovylintrc.json"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout[done.stdout.index("{") :])
    assert told["summary"]["totalFilesLinted"] == 1
    return [error for file in told["files"].values() for error in file["errors"]]


def test_jenkinsfile_is_clean(linter: Path, checkout: Path, tmp_path: Path) -> None:
    shutil.copy(checkout / "Jenkinsfile", tmp_path)
    assert findings(linter, tmp_path) == []


def test_linter_sees_what_is_wrong(linter: Path, checkout: Path, tmp_path: Path) -> None:
    text = (checkout / "Jenkinsfile").read_text()
    (tmp_path / "Jenkinsfile").write_text(text.replace("sh 'mkdir", "def unused = 1; sh 'mkdir"))
    assert findings(linter, tmp_path)
