"""What may be asked of an executor, and which one a site has."""

from __future__ import annotations

from typing import Any

import pytest
from deploykit.base.errors import InputError
from deploykit.jobs import JobSpec, executor_for
from deploykit.jobs.capacity import Capacity, may_begin, this_machine
from deploykit.jobs.local import LocalExecutor
from deploykit.site import Site

GIB = 2**30


def spec(**more: Any) -> JobSpec:
    return JobSpec(**{"id": "one", "item": "c1", "argv": ("true",), "cwd": "/", **more})


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"id": "../up"}, "its id is no name"),
        ({"id": ""}, "its id is no name"),
        ({"argv": ()}, "it has no command"),
        ({"timeout": 0.0}, "a time or size is negative"),
        ({"env": {"A=B": "x"}}, "'A=B' is no name of a variable"),
        ({"secrets": {"PIN": "1234"}}, "the secret PIN has fewer than 6 characters"),
        (
            {"secrets": {"PW": "hunter22"}, "argv": ("login", "--password=hunter22")},
            "the secret PW stands in its command",
        ),
        ({"secrets": {"PW": "hunter22"}, "env": {"X": "hunter22"}}, "the secret PW stands in"),
    ],
)
def test_spec_that_cannot_be_run_as_it_is_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said) as refused:
        spec(**wrong)
    assert "hunter22" not in refused.value.message


def test_secrets_are_not_in_what_is_printed_of_a_spec() -> None:
    assert "hunter22" not in repr(spec(secrets={"PW": "hunter22"}))


@pytest.mark.parametrize(
    ("wanted", "running", "may"),
    [
        (64 * GIB, [], True),  # nobody else runs: it would wait for ever
        (2 * GIB, [2 * GIB], True),
        (1 * GIB, [1 * GIB, 1 * GIB], False),  # as many as processors
        (6 * GIB, [4 * GIB], False),  # more than there is for jobs
        (4 * GIB, [1 * GIB], False),  # more than is free now
    ],
)
def test_jobs_side_by_side_follow_from_processors_and_memory(
    wanted: int, running: list[int], may: bool
) -> None:
    assert may_begin(wanted, running, Capacity(2, 8 * GIB, 3 * GIB)) is may


def test_capacity_of_this_machine_is_read() -> None:
    found = this_machine()
    assert found.jobs >= 1
    assert found.free > 0
    assert found.memory > 0


def test_site_without_a_word_about_jobs_runs_them_as_processes(site: Site) -> None:
    assert isinstance(executor_for(site), LocalExecutor)


def test_executor_that_is_not_there_is_refused_with_its_line(site: Site) -> None:
    with (site.folder / "site.yml").open("a") as file:
        file.write("jobs:\n  executor: jenkin\n")
    with pytest.raises(InputError, match=r"site\.yml:3: .*no executor 'jenkin'") as refused:
        executor_for(site)
    assert refused.value.remedy == "did you mean 'jenkins'?"
