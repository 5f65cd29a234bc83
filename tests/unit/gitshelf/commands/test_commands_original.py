"""A manifest as people wrote it for the original gitshelf: every command, nothing changed in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Repo = Any
Cli = Callable[..., Any]
Manifest = Callable[[str], Path]

OLD = """\
---
# The cloud, as it is deployed. Ask the release team before you change a pin.
access:
  group: [operators, 'release team']
  {mail}: yes

defaults:
    environment: development

environments:
  development:
    description: "what developers have: {mail}"
    tokens:
      mail: ops@example.org
      host: SERVERS
      base: '{host}/{kind}'
      kind: cloud
      salt_release: master
  production:
    description: the real thing
    tokens: {mail: noc@example.org, host: SERVERS, kind: cloud, base: "{host}/{kind}",
             salt_release: v1.0, unused: "{salt_release}"}

books:
# a link inside a git book, written before its parent
- book: /srv/salt/formulas/common
  link: /srv/formulas/common-formula/common

- book: /srv/salt
  git: {base}-salt.git
  branch: {salt_release}

- book: /srv/formulas/common-formula
  git: "{base}-formula.git"
  skiprepourlcheck: True
- {book: /srv/pillar, git: '{base}-pillar.git', branch: PIN}
- book: /srv/pillar/private
  git: {base}-formula.git
  branch: v0.9
- book: ./tools
  git: {base}-formula.git
  branch: heads-only
- book: bin
  link: tools/bin
"""


@pytest.fixture
def old(make_repo: Callable[..., Repo], write_manifest: Manifest) -> Path:
    """The manifest, with its repositories."""
    salt, formula, pillar = (make_repo(f"cloud-{n}") for n in ("salt", "formula", "pillar"))
    salt.commit({b"top.sls": b"base: {}\n", b"formulas/README": b"links\n"})
    salt.git("tag", "v1.0")
    salt.commit({b"top.sls": b"base: {'*': [common]}\n", b"formulas/README": b"links\n"})
    formula.commit({b"common/init.sls": b"old\n"})
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    formula.git(*who, "tag", "-a", "-m", "x", "v0.9")
    formula.commit({b"common/init.sls": b"new\n", b"bin/run": ("100755", b"#!/bin/sh\n")})
    formula.git("branch", "heads-only")
    pin = pillar.commit({b"top.sls": b"base: {}\n"})
    pillar.commit({b"top.sls": b"later\n"})
    text = OLD.replace("SERVERS", salt.path.parent.as_uri()).replace("PIN", pin)
    return write_manifest(text)


def test_old_manifest_installs_and_is_clean(
    old: Path, run_cli: Cli, shelf: Path, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    more = ["--gitshelf", old, "--fakeroot", root]
    assert "would be cloned" in run_cli("install", *more, "--dry-run").out
    assert not root.exists()
    said = run_cli("install", *more)
    assert said.code == 0, said.err
    assert (root / "srv/salt/top.sls").read_text() == "base: {'*': [common]}\n"
    assert (root / "srv/salt/formulas/common/init.sls").read_text() == "new\n"
    assert (root / "srv/pillar/top.sls").read_text() == "base: {}\n"
    assert (root / "srv/pillar/private/common/init.sls").read_text() == "old\n"
    assert (shelf / "tools/bin/run").exists()
    assert (root / "bin").is_symlink()
    moved = root.rename(tmp_path / "moved")
    assert (moved / "srv/salt/formulas/common/init.sls").read_text() == "new\n"
    moved.rename(root)
    for command in ("status", "diff"):
        said = run_cli(command, *more)
        assert said.code == 0, said.out
    (root / "srv/salt/top.sls").write_text("changed\n")
    (root / "srv/pillar/top.sls").write_text("changed\n")
    said = run_cli("diff", *more)
    assert said.code == 1
    assert said.out.count("+changed") == 2
    assert run_cli("status", *more).code == 1


def test_old_manifest_installs_for_another_environment(
    old: Path, run_cli: Cli, shelf: Path, tmp_path: Path
) -> None:
    more = ["--gitshelf", old, "--fakeroot", tmp_path / "root"]
    assert run_cli("install", *more, "--environment", "production").code == 0
    assert (tmp_path / "root/srv/salt/top.sls").read_text() == "base: {}\n"
    assert run_cli("status", *more, "--environment", "production").code == 0
    assert run_cli("status", *more, "--token", "salt_release=v1.0").code == 0
    assert run_cli("status", *more).code == 1
    assert run_cli("install", *more, "--skip-deletes").code == 0
    assert run_cli("status", *more).code == 0


def test_old_manifest_builds_and_its_kit_is_proved_and_unpacked(
    old: Path, run_cli: Cli, tmp_path: Path
) -> None:
    kit = tmp_path / "kit.tar.gz"
    said = run_cli("build", "--gitshelf", old, "--output", kit, "--json")
    assert said.code == 0, said.err
    assert [book["book"] for book in json.loads(said.out)["books"]] == [
        "srv/formulas/common-formula",
        "srv/pillar",
        "srv/pillar/private",
        "srv/salt",
        "tools",
    ]
    assert run_cli("verify", kit).code == 0
    assert run_cli("extract", kit, tmp_path / "out").code == 0
    out = tmp_path / "out"
    assert (out / "srv/salt/formulas/common/init.sls").read_text() == "new\n"
    assert (out / "srv/pillar/private/common/init.sls").read_text() == "old\n"
    assert (out / "bin/run").stat().st_mode & 0o777 == 0o755
    assert (out / "KIT/manifest.yml").read_bytes() == old.read_bytes()


def test_old_manifest_is_pinned_with_its_comments(old: Path, run_cli: Cli) -> None:
    before = old.read_text()
    assert run_cli("pin", "--gitshelf", old).code == 0
    after = old.read_text()
    gone = set(before.splitlines()) - set(after.splitlines())
    assert all("branch" in line or "git:" in line for line in gone)
    assert "# a link inside a git book, written before its parent" in after
    assert "{salt_release}" not in after.partition("books:")[2]
    said = run_cli("pin", "--gitshelf", old)
    assert said.out.endswith("0 of 5 books pinned\n")


def test_links_to_what_is_beside_the_shelf_are_installed_but_no_kit_holds_them(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path, tmp_path: Path
) -> None:
    (tmp_path / "beside").mkdir()
    manifest = write_manifest(
        f"books:\n- {{book: a, git: '{repo.url}'}}\n- {{book: l, link: ../beside}}\n"
        f"- {{book: a/m, link: ../../beside}}\n- {{book: n, link: '{tmp_path}/beside'}}\n"
    )
    said = run_cli("install", "--gitshelf", manifest)
    assert said.code == 0, said.err
    for link in ("l", "a/m", "n"):
        assert (shelf / link).resolve() == tmp_path / "beside"
    assert run_cli("status", "--gitshelf", manifest).code == 0
    said = run_cli("build", "--gitshelf", manifest, "--output", tmp_path / "kit.tar")
    assert said.code == 2
    assert "book a/m: the link to ../../beside leads out of the shelf" in said.err
    assert "remedy: link to a place on the shelf" in said.err
    assert not (tmp_path / "kit.tar").exists()
