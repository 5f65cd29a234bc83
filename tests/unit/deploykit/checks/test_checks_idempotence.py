"""What a second run may not change, as the nodes themselves tell it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from deploykit.checks.idempotence import told_by_nodes, told_by_salt
from deploykit.nodes.looks import NodeSnapshot

LOOK = NodeSnapshot(
    taken=100.0,
    services={"keystone.service": "7@1"},
    packages={"keystone": "2:22"},
    files={"/etc/keystone.conf": "640 0:0 aa"},
    managed={},
)


def test_two_equal_looks_tell_nothing() -> None:
    assert told_by_nodes({"who": LOOK}, {"who": LOOK}) == []


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (
            replace(LOOK, services={"keystone.service": "9@5"}),
            "who: service started anew",
        ),
        (replace(LOOK, services={}), "who: service started anew"),
        (replace(LOOK, packages={"keystone": "2:23"}), "who: package: keystone"),
        (replace(LOOK, files={"/etc/keystone.conf": "640 0:0 bb"}), "who: file: /etc/keystone"),
        (replace(LOOK, managed={"/usr/local/x": 101.0}), "who: file written again: /usr/local/x"),
    ],
)
def test_any_difference_between_two_looks_is_named(after: NodeSnapshot, told: str) -> None:
    (line,) = told_by_nodes({"who": LOOK}, {"who": after})
    assert line.startswith(told)


def test_file_that_was_written_before_the_look_is_no_difference() -> None:
    after = replace(LOOK, managed={"/usr/local/x": 99.0})
    assert told_by_nodes({"who": LOOK}, {"who": after}) == []


def test_change_that_salt_reports_is_named_with_its_state() -> None:
    answer = {"failed": [], "changed": [{"state": "a_file", "comment": "updated"}], "total": 1}
    assert told_by_salt({"who": answer}) == ["who: changed a_file: updated"]
