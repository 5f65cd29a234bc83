"""What a pod's tags say, and which pod a person means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from deploykit.base.errors import InputError
from deploykit.pods import Pod, Wanted, pod_instance, pod_tags, read_pod
from deploykit.pods.listing import find_pod, until_after

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
WANTED = Wanted("ada", "try", NOON + timedelta(hours=4), build="b-7", change="I0123")


def pod(name: str, environment: str = "test") -> Pod:
    release = "2026.48.1"
    return Pod(pod_instance(environment, name), "lxd", release, NOON, WANTED, base=release)


def test_tags_that_were_written_say_the_same_when_read() -> None:
    tags = {**pod_tags(WANTED, "lxd", "2026.48.1"), "created": "2026-11-28T12:00:00Z"}
    assert read_pod(pod("a").instance, tags) == pod("a")


def test_instance_without_the_tag_is_no_pod() -> None:
    assert read_pod(pod("a").instance, {"purpose": "upgrade", "created": "2026-11-28"}) is None


def test_pod_with_times_that_nobody_can_read_counts_as_over() -> None:
    tags = {**pod_tags(WANTED, "lxd", "2026.48.1"), "until": "soon", "created": "yesterday"}
    found = read_pod(pod("a").instance, tags)
    assert found is not None
    assert found.is_over(datetime.now(UTC) + timedelta(seconds=1))


def test_pod_is_over_from_the_second_on_that_it_was_wanted_until() -> None:
    assert not pod("a").is_over(WANTED.until - timedelta(seconds=1))
    assert pod("a").is_over(WANTED.until)


def test_text_of_others_in_tags_is_printable() -> None:
    wanted = Wanted("ada", "a\x1b[2Kb\nc", NOON)
    assert "\x1b" not in pod_tags(wanted, "lxd", "")["purpose"]
    assert "\n" not in pod_tags(wanted, "lxd", "")["purpose"]


@pytest.mark.parametrize("name", ["", "-a", "A", "a" * 21, "../x", "a~b", "a b"])
def test_name_that_no_node_could_have_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="is not the name of a pod"):
        pod_instance("test", name)


def test_pod_is_found_by_either_name() -> None:
    pods = [pod("a"), pod("b")]
    assert find_pod(pods, "a") is pods[0]
    assert find_pod(pods, "test~pod-b") is pods[1]


def test_name_of_two_pods_is_asked_for_in_full() -> None:
    pods = [pod("a"), pod("a", "staging")]
    with pytest.raises(InputError, match="may be test~pod-a, staging~pod-a"):
        find_pod(pods, "a")
    with pytest.raises(InputError, match="there is no pod 'c'"):
        find_pod(pods, "c")


def test_duration_is_read_as_environment_files_have_it() -> None:
    assert until_after("90m", NOON) == NOON + timedelta(minutes=90)
    for text in ("", "4", "4 h", "-1h", "99999999999999d", "\u0664h"):
        with pytest.raises(InputError, match="not a duration"):
            until_after(text, NOON)
