"""What site.yml says of sinks: known kinds, topics and environments, or the line that is wrong."""

from __future__ import annotations

import re
from importlib.metadata import entry_points

import pytest
from deploykit.base.errors import InputError
from deploykit.notify import Event, Topic
from deploykit.notify.sinks import EVERYTHING, GROUP, Sink, is_this_machine, sink_named, sinks_of
from deploykit.site import Site, open_site
from ledgerbook import NOON
from sinkfile import write_sinks

HOOK = {"kind": "webhook", "url": "https://hooks.example.org/deploy"}


def read(site: Site, **keys: object) -> Sink:
    write_sinks(site, room={**HOOK, **keys})
    return sink_named(open_site(site.folder), "room")


def wanted(sink: Sink, environment: str) -> set[str]:
    """The topics that the sink wants of an environment."""
    of = [
        Event(topic, environment, "", "", (), (), 1, NOON, "ab12")
        for topic in Topic
    ]  # fmt: skip
    return {event.topic for event in of if sink.wants(event)}


def test_sink_without_a_word_of_it_hears_everything(site: Site) -> None:
    assert wanted(read(site), "production") == EVERYTHING


def test_sink_hears_of_named_topics_of_every_environment(site: Site) -> None:
    sink = read(site, about=["failed", "drift"])
    assert wanted(sink, "test") == wanted(sink, "production") == {"failed", "drift"}


def test_sink_hears_of_named_environments_alone(site: Site) -> None:
    sink = read(site, about={"production": ["failed", "waiting"], "test": ["failed"]})
    assert wanted(sink, "production") == {"failed", "waiting"}
    assert wanted(sink, "test") == {"failed"} and wanted(sink, "staging") == set()


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"kind": "webhok"}, "there is no sink 'webhok'.*did you mean 'webhook'"),
        ({"about": ["faild"]}, "'faild' is nothing to hear of.*did you mean 'failed'"),
        ({"about": {"produktion": ["failed"]}}, "no environment 'produktion'.*'production'"),
        ({"about": {"production": "failed"}}, "expected a list"),
        ({"about": "failed"}, "expected a mapping"),
    ],
)
def test_sink_that_does_not_fit_is_told_with_its_line(
    site: Site, keys: dict[str, object], said: str
) -> None:
    with pytest.raises(InputError) as error:
        read(site, **keys)
    assert re.search(rf"site\.yml:2: .*{said}", f"{error.value.message} {error.value.remedy}")


@pytest.mark.parametrize("name", ["../x", "A", ".lock"])
def test_sink_whose_name_could_be_no_file_is_refused(site: Site, name: str) -> None:
    write_sinks(site, **{name: HOOK})
    with pytest.raises(InputError, match="is not a name"):
        sinks_of(open_site(site.folder))


def test_sink_that_is_not_there_is_told_with_the_nearest(site: Site) -> None:
    read(site)
    with pytest.raises(InputError, match=r"site\.yml: there is no sink 'romo'") as error:
        sink_named(open_site(site.folder), "romo")
    assert error.value.remedy == "did you mean 'room'?"


def test_site_that_says_nothing_has_no_sinks(site: Site) -> None:
    assert sinks_of(site) == []


def test_kinds_are_plugins() -> None:
    kinds = {entry.name for entry in entry_points(group=GROUP)}
    assert kinds == {"mail", "webhook", "slack", "matrix", "apprise"}


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("localhost.example.org", False),
        ("10.0.0.1", False),
        ("127.0.0.1.example.org", False),
        ("", False),
    ],
)
def test_only_loopback_is_this_machine(host: str, here: bool) -> None:
    assert is_this_machine(host) is here
