"""What a lock of Salt says, and what the wheels of it are called."""

from __future__ import annotations

import pytest
from deploykit.base.errors import InputError
from deploykit.mirror.wheels import Lock, WheelSet, parse_lock
from deploykit.mirror.wheelstore import own_lock

ONE, TWO = "a" * 64, "b" * 64
TEXT = f"""\
# a comment
pip==26.3 \\
    --hash=sha256:{ONE}
Salt==3008.3 \\
    --hash=sha256:{ONE} \\
    --hash=sha256:{TWO}
    # via -r salt.in
"""


def lock(text: str = TEXT) -> Lock:
    return parse_lock(text, "ansible/salt.txt")


def test_lock_names_each_package_with_its_hashes() -> None:
    found = lock()
    assert found.version == "3008.3"
    assert dict(found.versions) == {"pip": "26.3", "salt": "3008.3"}
    assert found.only(("pip", "other")) == f"pip==26.3 \\\n    --hash=sha256:{ONE}\n"
    assert (found.hashes("pip"), found.hashes("salt")) == ([ONE], [ONE, TWO])


def test_other_lock_is_another_folder() -> None:
    again, other = lock(), lock(TEXT.replace("3008.3", "3008.4"))
    assert again.folder == lock().folder != other.folder
    assert again.folder.startswith("salt-") and len(again.folder) == len("salt-") + 16


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (TEXT.replace(f" \\\n    --hash=sha256:{ONE}\nSalt", "\nSalt"), "pip has no hash"),
        (TEXT.replace("pip==26.3", "six==1"), "no pip"),
        ("", "no pip and no salt"),
        (TEXT + "https://example.org/x.whl\n", "ansible/salt.txt:8: this is no line of a lock"),
        ("--index-url https://example.org\n" + TEXT, "ansible/salt.txt:1: this is no line"),
    ],
)
def test_lock_that_does_not_hold_everything_is_refused(text: str, told: str) -> None:
    with pytest.raises(InputError, match=told) as refused:
        lock(text)
    assert "salt.in" in refused.value.remedy


def test_set_is_named_by_its_bytes() -> None:
    one = WheelSet("salt-1", {"a.whl": ONE})
    assert one.digest == WheelSet("salt-1", {"a.whl": ONE}).digest
    assert one.digest != WheelSet("salt-1", {"a.whl": TWO}).digest
    assert one.digest != WheelSet("salt-2", {"a.whl": ONE}).digest


def test_lock_of_this_repository_takes_no_compiler_on_any_machine() -> None:
    """timelib alone has no wheels; Salt goes without it."""
    assert "timelib" not in own_lock().blocks
    assert "://" not in own_lock().text
