"""Which test shows what the gate does with each bad input and fault; that these tests are there.

What holds in every history is in test_gate_histories.py: a pass on exactly the trees, failures on a
base that failed, the order, nobody waits for ever, kill -9.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

GERRIT = "integration/test_gate_gerrit.py"
TESTS = {
    "Gerrit is away for ten minutes": [
        (GERRIT, "test_gate_goes_on_after_ten_minutes_without_its_server"),
        ("test_gate_loop.py", "test_server_that_is_away_for_ten_minutes_is_asked_less_and_less"),
    ],
    "Gerrit refuses a submit": [(GERRIT, "test_submit_that_gerrit_refuses_is_said_on_the_change")],
    "a change that cannot be merged": [
        (GERRIT, "test_conflict_names_the_file"),
        ("test_gate_check.py", "test_change_that_git_cannot_merge_gets_its_vote_without_jobs"),
    ],
    "malformed or unknown Depends-On": [
        (GERRIT, "test_depends_on_that_names_nothing_is_said_on_the_change"),
        ("test_gate_footers.py", "test_depends_on_that_names_no_change_here_is_a_problem"),
    ],
    "unknown project": [
        (GERRIT, "test_project_that_gerrit_does_not_have_is_said_once_and_the_others_go_on"),
        ("test_gate_trees.py", "test_project_that_cannot_be_fetched_is_named"),
    ],
    "a change that edits the gate's configuration": [
        (GERRIT, "test_change_of_gate_yml_is_tested_with_the_jobs_that_it_proposes"),
    ],
    "a stranger's change": [
        (GERRIT, "test_code_of_a_stranger_runs_once_somebody_who_is_trusted_says_so"),
        ("test_gate_check.py", "test_code_of_strangers_does_not_run_until_somebody_says_so"),
    ],
    "secrets in logs": [
        ("test_gate_joblogs.py", "test_secrets_of_a_log_are_kept_and_told_masked"),
        ("test_gate_comments.py", "test_secret_in_a_finding_is_masked_before_it_stands_on_a_line"),
        ("test_gate_after.py", "test_failure_as_merged_names_the_known_fault_and_masks_secrets"),
    ],
    "a job that hangs or forks": [
        ("test_gate_work.py", "test_job_that_hangs_and_forks_fails_its_build_and_leaves_nothing"),
    ],
    "full disk": [("test_gate_work.py", "test_full_disk_starts_no_jobs_and_says_what_to_do")],
    "no pod can be made": [
        ("test_gate_attempts.py", "test_job_without_a_pod_is_tried_again_later_and_then_told"),
        ("test_gate_podjob.py", "test_pod_that_cannot_be_made_is_no_failure_of_the_change"),
    ],
    "1,000 open changes": [
        ("test_gate_many.py", "test_every_one_of_a_thousand_changes_is_found_once"),
        ("test_gate_many.py", "test_round_over_a_thousand_approved_changes_takes_seconds"),
    ],
    "two gates": [("test_gate_loop.py", "test_second_gate_of_a_site_refuses_to_run")],
    "kill -9 at any moment": [
        (GERRIT, "test_gate_that_is_killed_with_9_again_and_again_ends_as_one_that_is_not"),
        ("test_gate_podjob.py", "test_pod_of_a_job_that_was_killed_goes_by_the_gate_itself"),
    ],
}


@pytest.mark.parametrize("fault", TESTS)
def test_fault_has_its_tests(fault: str, checkout: Path) -> None:
    for file, name in TESTS[fault]:
        where = checkout / "tests" / (file if "/" in file else f"unit/deploykit/gate/{file}")
        assert re.search(rf"^def {name}", where.read_text(), re.MULTILINE), name
