"""Files with passwords and tokens: read only if nobody else may."""

from __future__ import annotations

from pathlib import Path

import pytest
from deploykit.base.credentials import read_credentials
from deploykit.base.errors import InputError


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [(b"pass\n", 0o640, "others may read"), (b"pa\xffss", 0o600, "it is not UTF-8 text")],
)
def test_credentials_that_cannot_be_used_are_told_without_showing_them(
    tmp_path: Path, content: bytes, mode: int, said: str
) -> None:
    file = tmp_path / "login"
    file.write_bytes(content)
    file.chmod(mode)
    with pytest.raises(InputError, match=said) as error:
        read_credentials(file, "a token")
    assert "pa" not in error.value.message.replace(str(tmp_path), "")


def test_file_that_is_not_there_is_told_with_what_it_should_hold(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file") as error:
        read_credentials(tmp_path / "none", "a token")
    assert error.value.remedy == "it holds a token"


def test_credentials_come_without_the_line_end(tmp_path: Path) -> None:
    file = tmp_path / "login"
    file.write_text("bot:token\n")
    file.chmod(0o600)
    assert read_credentials(file, "a token") == "bot:token"
