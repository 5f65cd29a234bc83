"""Whatever a repository holds, its kit is right or there is none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from anytrees import contents, paths, targets
from gitshelf.base.errors import GitshelfError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gitshelf

Repo = Any

_entries = st.one_of(
    contents,
    contents.map(lambda data: ("100755", data)),
    targets.filter(bool).map(lambda target: ("120000", target)),
    st.just(("160000", b"1" * 40)),
)
_policies = st.fixed_dictionaries(
    {},
    optional={
        "submodules": st.sampled_from(["refuse", "omit"]),
        "lfs": st.sampled_from(["refuse", "omit"]),
        "links": st.sampled_from(["refuse", "omit"]),
        "export-ignore": st.sampled_from(["refuse", "omit", "include"]),
        "export-subst": st.sampled_from(["refuse", "omit", "include"]),
    },
)


def as_git_sees_it(folder: Path) -> dict[bytes, tuple[str, bytes]]:
    """What a folder holds: mode and content by path."""
    found = {}
    for path in folder.rglob("*"):
        name = os.fsencode(path.relative_to(folder))
        if path.is_symlink():
            found[name] = ("120000", os.readlink(os.fsencode(path)))  # noqa: PTH115
        elif path.is_file():
            mode = "100755" if path.stat().st_mode & 0o111 else "100644"
            found[name] = (mode, path.read_bytes())
    return found


@given(files=st.dictionaries(paths, _entries, min_size=1, max_size=8), policies=_policies)
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_repository_is_proved_and_comes_out_as_it_went_in_or_is_an_error(
    files: dict[bytes, Any],
    policies: dict[str, str],
    make_repo: Callable[..., Repo],
    tmp_path: Path,
) -> None:
    for name in ("servers", "out", "site", "cache"):
        shutil.rmtree(tmp_path / name, ignore_errors=True)
    # A file cannot be a folder too.
    files = {p: c for p, c in files.items() if not any(o.startswith(p + b"/") for o in files)}
    repo = make_repo()
    repo.commit(files)
    lines = "".join(f"  {key}: {value}\n" for key, value in policies.items())
    (tmp_path / "site").mkdir()
    manifest = tmp_path / "site" / "gitshelf.yml"
    manifest.write_text(f"books:\n- book: b\n  git: {repo.url}\n{lines}")
    try:
        kit = gitshelf.build(manifest, tmp_path / "site" / "kit.tar")
    except GitshelfError as error:
        assert "gitshelf.yml:2: book b: " in str(error)
        assert not (tmp_path / "site" / "kit.tar").exists()
        return
    (book,) = gitshelf.verify(kit.path).lock.books
    gitshelf.extract(kit.path, tmp_path / "out")
    left_out = {one.path for one in book.omitted}
    assert left_out <= set(files)
    carried = {
        path: content if isinstance(content, tuple) else ("100644", content)
        for path, content in files.items()
        if path not in left_out
    }
    assert as_git_sees_it(tmp_path / "out" / "b") == carried
    assert gitshelf.build(manifest, tmp_path / "site" / "again.tar").digest == kit.digest
