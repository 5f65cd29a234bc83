"""A book with a secret in its submodule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rulebook import KEY

Repo = Any


@pytest.fixture
def outer(repo: Repo, make_repo: Callable[..., Repo]) -> Repo:
    """A repository with a submodule `lib/in`, which holds a private key as `id`."""
    repo.commit({b"id": KEY, b"x": b"1"})
    made = make_repo("outer")
    modules = b'[submodule "in"]\n\tpath = lib/in\n\turl = ../book.git\n'
    link = ("160000", repo.commits[-1].encode())
    made.commit({b".gitmodules": modules, b"lib/in": link, b"y": b"2"})
    return made
