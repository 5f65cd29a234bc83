"""Repositories with submodules, and a manifest that includes them."""

from __future__ import annotations

from typing import Any

Repo = Any


def gitmodules(**urls: str) -> bytes:
    """A .gitmodules; each path with its URL, `__` for a slash."""
    parts = []
    for path, url in urls.items():
        path = path.replace("__", "/")
        parts.append(f'[submodule "{path}"]\n\tpath = {path}\n\turl = {url}\n')
    return "".join(parts).encode()


def link_to(repo: Repo, number: int = -1) -> tuple[str, bytes]:
    return ("160000", repo.commits[number].encode())


def manifest_of(repo: Repo, extra: str = "") -> str:
    pin = repo.commits[-1]
    return f"books:\n- book: b\n  git: {repo.url}\n  branch: {pin}\n  submodules: include\n{extra}"
