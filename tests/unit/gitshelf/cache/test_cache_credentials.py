"""A person's credentials go to the servers that the manifest names, whatever the repositories
there name: submodules, LFS servers, and where these keep their objects."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import askinghosts
import pytest
from askinghosts import Host
from lfsbooks import ATTRIBUTES, SMALL, pointer
from submodulebooks import gitmodules, link_to

Repo = Any
Cli = Callable[..., Any]
HAS_LFS = shutil.which("git-lfs") is not None or os.environ.get("CI") == "true"
lfs = pytest.mark.skipif(not HAS_LFS, reason="git-lfs is not installed")
COMMANDS = {
    "build": ("build", "--output", "kit.tar"),
    "install": ("install",),
    "lint": ("lint", "--rule", "same-path", "--rule", "secrets"),
}


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[tuple[Host, Host]]:
    """The server that the manifest names, which wants a credential, and another."""
    with (
        askinghosts.serving(tmp_path / "servers") as good,
        askinghosts.serving(tmp_path / "servers") as other,
    ):
        good.guarded = True
        good.objects = other.objects = {hashlib.sha256(SMALL).hexdigest(): SMALL}
        yield good, other


@pytest.fixture
def secret(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Hands out a credential that names no server, in one of the ways that CI systems do: through a
    header, helper, askpass or netrc."""
    kind: str = request.param
    config = tmp_path / "person"
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    config.write_text(
        {
            "header": "[http]\n\textraHeader = X-Token: abc\n",
            "helper": '[credential]\n\thelper = "!echo username=u; echo password=p; :"\n',
        }.get(kind, "")
    )
    if kind == "askpass":
        script = tmp_path / "askpass"
        script.write_text("#!/bin/sh\necho p\n")
        script.chmod(0o755)
        monkeypatch.setenv("GIT_ASKPASS", str(script))
    if kind == "netrc":
        (home / ".netrc").write_text("default login u password p\n")
        (home / ".netrc").chmod(0o600)
    return kind


def run(command: str, manifest: Path, run_cli: Cli) -> Any:
    return run_cli(*COMMANDS[command], "--gitshelf", manifest)


@pytest.mark.parametrize(
    ("secret", "command"),
    [
        *(("header", command) for command in COMMANDS),
        ("helper", "install"),
        ("askpass", "build"),
        ("netrc", "build"),
    ],
    indirect=["secret"],
)
def test_submodule_at_another_server_is_fetched_without_the_credentials_of_the_first(
    hosts: tuple[Host, Host],
    secret: str,
    make_repo: Callable[..., Repo],
    write_manifest: Callable[[str], Path],
    run_cli: Cli,
    shelf: Path,
    command: str,
) -> None:
    good, other = hosts
    inner, outer = make_repo("inner"), make_repo("outer")
    inner.commit({b"x": b"1"})
    modules = gitmodules(s=f"{other.url}/inner.git", t="../inner.git")
    outer.commit({b".gitmodules": modules, b"s": link_to(inner), b"t": link_to(inner)})
    url = f"{good.url}/outer.git"
    text = f"books:\n- {{book: b, git: '{url}', branch: master, submodules: include}}\n"
    said = run(command, write_manifest(text), run_cli)
    assert said.code == 0, said.err
    assert good.secrets
    assert other.headers
    assert other.secrets == []
    # It asks, and the credential is there for the asking: it still gets none.
    other.guarded = True
    shutil.rmtree(os.environ["XDG_CACHE_HOME"])
    for installed in shelf.iterdir():
        shutil.rmtree(installed) if installed.is_dir() else installed.unlink()
    said = run(command, write_manifest(text), run_cli)
    assert said.code == 2
    assert "submodule s" in said.err
    assert "asks for credentials" in said.err
    assert other.secrets == []
    # Named by a book, it gets them.
    text += f"- {{book: c, git: '{other.url}/inner.git', branch: master}}\n"
    said = run(command, write_manifest(text), run_cli)
    assert said.code == 0, said.err
    assert other.secrets == good.secrets


@lfs
@pytest.mark.parametrize(
    ("secret", "way", "command"),
    [
        ("header", "lfsconfig", "build"),
        ("header", "lfsconfig", "install"),
        ("header", "objects", "build"),
        ("helper", "lfsconfig", "install"),
        ("netrc", "lfsconfig", "build"),
        ("netrc", "lfsconfig", "install"),
    ],
    indirect=["secret"],
)
def test_lfs_server_that_the_repository_names_gets_no_credentials(
    hosts: tuple[Host, Host],
    secret: str,
    make_repo: Callable[..., Repo],
    write_manifest: Callable[[str], Path],
    run_cli: Cli,
    shelf: Path,
    way: str,
    command: str,
) -> None:
    good, other = hosts
    files = {b".gitattributes": ATTRIBUTES, b"a.bin": pointer(SMALL)}
    if way == "lfsconfig":
        files[b".lfsconfig"] = f"[lfs]\n\turl = {other.url}/lfs\n".encode()
    else:
        good.store = other.url
    repo = make_repo("book")
    repo.commit(files)
    text = f"books:\n- {{book: b, git: '{good.url}/book.git', branch: master, lfs: include}}\n"
    manifest = write_manifest(text)
    said = run(command, manifest, run_cli)
    assert said.code == 0, said.err
    assert good.secrets
    assert other.headers
    assert other.secrets == []
    if way == "lfsconfig":
        other.guarded = True
        shutil.rmtree(os.environ["XDG_CACHE_HOME"])
        for installed in shelf.iterdir():
            shutil.rmtree(installed) if installed.is_dir() else installed.unlink()
        said = run(command, manifest, run_cli)
        assert said.code == 2
        assert other.secrets == []
        assert "asks for credentials, and gets none" in said.err
        assert f"credential.{other.url}.helper" in said.err


@lfs
@pytest.mark.parametrize("secret", ["header"], indirect=True)
def test_install_of_a_book_that_does_not_include_lfs_asks_no_lfs_server(
    hosts: tuple[Host, Host],
    secret: str,
    make_repo: Callable[..., Repo],
    write_manifest: Callable[[str], Path],
    run_cli: Cli,
    shelf: Path,
) -> None:
    """Not even if git-lfs is set up for the person, who would get objects by any checkout."""
    good, other = hosts
    with Path(os.environ["GIT_CONFIG_GLOBAL"]).open("a") as config:
        config.write('[filter "lfs"]\n\tprocess = git-lfs filter-process\n\trequired = true\n')
    config_of_book = f"[lfs]\n\turl = {other.url}/lfs\n".encode()
    repo = make_repo("book")
    repo.commit(
        {b".gitattributes": ATTRIBUTES, b"a.bin": pointer(SMALL), b".lfsconfig": config_of_book}
    )
    text = f"books:\n- {{book: b, git: '{good.url}/book.git', branch: master}}\n"
    said = run("install", write_manifest(text), run_cli)
    assert (said.code, "LFS pointers" in said.out) == (0, True)
    assert (shelf / "b/a.bin").read_bytes() == pointer(SMALL)
    assert other.headers == []


@lfs
@pytest.mark.parametrize("url", ["https://me:secret@example.org/x", "ext::sh -c x", "plain"])
def test_install_refuses_an_lfs_server_that_no_book_may_have(
    make_repo: Callable[..., Repo],
    write_manifest: Callable[[str], Path],
    run_cli: Cli,
    shelf: Path,
    url: str,
) -> None:
    repo = make_repo("book")
    config = f"[lfs]\n\turl = {url}\n".encode()
    repo.commit({b".gitattributes": ATTRIBUTES, b"a.bin": pointer(SMALL), b".lfsconfig": config})
    text = f"books:\n- {{book: b, git: '{repo.url}', branch: master, lfs: include}}\n"
    said = run("install", write_manifest(text), run_cli)
    assert said.code == 2
    assert "the LFS server" in said.err
    assert "secret" not in said.err
    assert list(shelf.iterdir()) == []
