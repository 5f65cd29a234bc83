from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from deploykit.cli import main
from deploykit.site import Site, open_site
from ledgerbook import Call, make_site

MANIFEST = Path(__file__).resolve().parents[3] / "deploy-kit" / "gitshelf.yml"
STATES = "file: /srv/marker\n"


@dataclass(frozen=True)
class Checkout:
    """A repository with content and a site in its folder deploy-kit/, as an operator has it."""

    folder: Path
    site: Site

    def git(self, *words: str) -> str:
        who = {"GIT_AUTHOR_NAME": "Ann", "GIT_AUTHOR_EMAIL": "ann@here"}
        who |= {"GIT_COMMITTER_NAME": "Ann", "GIT_COMMITTER_EMAIL": "ann@here"}
        done = subprocess.run(
            ["git", "-C", str(self.folder), *words],
            env={**os.environ, **who},
            check=True,
            capture_output=True,
            text=True,
            timeout=20,
        )
        return done.stdout.strip()

    def change(self, text: str, path: str = "salt/states/init.sls") -> str:
        """Write a file and commit it; returns the commit."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        self.git("add", "--", path)
        self.git("commit", "-q", "-m", f"change {path}")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def checkout_with_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg-state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg-cache"))
    monkeypatch.delenv("DEPLOY_KIT_KEY", raising=False)
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "Ann")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "ann@here")
    folder = tmp_path / "clone"
    made = make_site(tmp_path)
    (folder / "ansible").mkdir(parents=True)
    shutil.copytree(made.folder, folder / "deploy-kit")
    shutil.copy(MANIFEST, folder / "deploy-kit" / "gitshelf.yml")
    (folder / "ansible" / "site.yml").write_text("[]\n")
    (folder / "salt" / "states").mkdir(parents=True)
    (folder / "salt" / "roles.yml").write_text("roles: {}\nschemas: {keystone: zed}\n")
    (folder / "salt" / "states" / "init.sls").write_text(STATES)
    found = Checkout(folder, open_site(folder / "deploy-kit"))
    found.git("init", "-q", "-b", "main")
    found.git("add", ".")
    found.git("commit", "-q", "-m", "content")
    return found


@pytest.fixture
def call(
    checkout_with_site: Checkout, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Call:
    """Run `deploy-kit` with these words; gives exit code, output and errors."""

    def run(*words: str) -> tuple[int, str, str]:
        site = str(checkout_with_site.site.folder)
        monkeypatch.setattr("sys.argv", ["deploy-kit", "--site", site, *words])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capfd.readouterr()
        assert isinstance(ended.value.code, int)
        assert "Traceback" not in said.err
        return ended.value.code, said.out, said.err

    return run
