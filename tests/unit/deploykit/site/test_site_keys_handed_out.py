"""A private key alone, as those hand it out who keep keys for others."""

from __future__ import annotations

from pathlib import Path

import pytest
from deploykit.base.errors import InputError
from deploykit.site.keys import read_key, sign
from ledgerbook import make_key


def test_key_without_its_public_half_beside_it_signs_as_the_same_person(tmp_path: Path) -> None:
    whole = make_key(tmp_path, "bot@ci")
    whole.file.with_name(f"{whole.file.name}.pub").unlink()
    alone = read_key(whole.file)
    assert (alone.public, alone.principal) == (whole.public, "bot@ci")
    assert "BEGIN SSH SIGNATURE" in sign(alone, "text", "gitshelf-kit")


def test_file_that_is_no_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("nothing\n")
    with pytest.raises(InputError, match="cannot read the public key"):
        read_key(tmp_path / "key")
