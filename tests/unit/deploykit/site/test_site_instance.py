"""Instances and how they are written."""

from __future__ import annotations

import pytest
from deploykit.base.errors import InputError
from deploykit.site.instance import Instance

PROVIDERS = frozenset({"lxd", "vagrant"})


@pytest.mark.parametrize(
    ("text", "instance"),
    [
        ("dev", Instance("dev")),
        ("lxd", Instance("lxd")),
        ("dev~lxd", Instance("dev", provider="lxd")),
        ("dev~upgrade-71", Instance("dev", copy="upgrade-71")),
        ("dev~7", Instance("dev", copy="7")),
        ("a" * 31 + "~" + "b" * 31, Instance("a" * 31, copy="b" * 31)),
    ],
)
def test_text_is_parsed_and_written_again_byte_for_byte(text: str, instance: Instance) -> None:
    assert Instance.parse(text, PROVIDERS) == instance
    assert (str(instance), f"{instance}") == (text, text)


@pytest.mark.parametrize(
    "text",
    ["", "~", "~a", "a~", "a~b~c", "a~~b", "../x", "a~../x", "Test", "a b", "-a", "a~-b", "a\n",
     "a" * 32, "a~" + "b" * 32],
)  # fmt: skip
def test_text_that_is_no_name_is_refused_as_it_was_written(text: str) -> None:
    with pytest.raises(InputError, match="is not the name") as refused:
        Instance.parse(text, PROVIDERS)
    assert f"'{text}'" in refused.value.message
    assert "NAME~COPY" in refused.value.remedy


def test_copy_of_another_providers_nodes_has_no_name() -> None:
    with pytest.raises(InputError, match="is not the name"):
        Instance("dev", "lxd", "copy")


@pytest.mark.parametrize("parts", [("../dev",), ("dev", "a/b"), ("dev", None, "UP")])
def test_parts_that_do_not_fit_a_name_are_refused(parts: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="is not the name"):
        Instance(*parts)
