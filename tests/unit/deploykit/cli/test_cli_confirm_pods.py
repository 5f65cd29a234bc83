"""Pods go by a plain yes if they are few; else their number is typed, and all are named."""

from __future__ import annotations

import click
import pytest
from deploykit.base.errors import Refused
from deploykit.cli.confirm import confirm_pods
from deploykit.pods import pod_instance
from deploykit.site import Site
from deploykit.site.instance import Instance


def pods(count: int, **protected: str) -> dict[Instance, str]:
    """So many pods, n1, n2 …, with why some are protected."""
    names = [f"n{n}" for n in range(1, count + 1)]
    return {pod_instance("test", name): protected.get(name, "") for name in names}


def test_few_go_by_a_plain_yes(site: Site) -> None:
    confirm_pods(site, pods(3), True, None)


def test_yes_is_not_enough_for_four_and_all_are_named(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Refused) as refused:
        confirm_pods(site, pods(4), True, None)
    assert refused.value.remedy == "say how many they are: --count 4"
    assert capsys.readouterr().err.splitlines() == [f"test~pod-n{n}" for n in range(1, 5)]


def test_wrong_number_takes_nothing_and_the_right_one_does(site: Site) -> None:
    with pytest.raises(Refused, match="of 5 pods, not of 4"):
        confirm_pods(site, pods(5), True, 4)
    confirm_pods(site, pods(5), False, 5)


def test_protected_one_is_named_with_why_and_wants_its_number(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Refused, match="1 are protected"):
        confirm_pods(site, pods(1, n1="ada reads its logs"), True, None)
    assert "test~pod-n1  protected: ada reads its logs" in capsys.readouterr().err
    confirm_pods(site, pods(1, n1="ada reads its logs"), False, 1)


def test_person_at_a_terminal_types_the_number(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(click, "prompt", lambda *words, **more: 4)
    confirm_pods(site, pods(4), False, None)
    with pytest.raises(Refused, match="of 5 pods, not of 4"):
        confirm_pods(site, pods(5), False, None)
