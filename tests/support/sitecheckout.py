"""A clone as an operator has it: content, and a site in its folder deploy-kit/."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from deploykit.site import Site, open_site
from ledgerbook import make_site

MANIFEST = Path(__file__).resolve().parents[2] / "deploy-kit" / "gitshelf.yml"
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


def make_checkout(tmp_path: Path) -> Checkout:
    """A clone below tmp_path, with one commit."""
    folder = tmp_path / "clone"
    made = make_site(tmp_path)
    (folder / "ansible").mkdir(parents=True)
    shutil.copytree(made.folder, folder / "deploy-kit")
    shutil.copy(MANIFEST, folder / "deploy-kit" / "gitshelf.yml")
    (folder / "ansible" / "site.yml").write_text("[]\n")
    (folder / "salt" / "states").mkdir(parents=True)
    (folder / "salt" / "roles.yml").write_text("roles: {}\nschemas: {keystone: zed}\n")
    (folder / "salt" / "states" / "init.sls").write_text(STATES)
    checkout = Checkout(folder, open_site(folder / "deploy-kit"))
    checkout.git("init", "-q", "-b", "main")
    checkout.git("add", ".")
    checkout.git("commit", "-q", "-m", "content")
    return checkout
