"""Tools of the services' states: the schema that a package ships, the report that counts."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

STAMPS = ["updated_at", "created_at"]


@pytest.fixture
def alive(checkout: Path) -> dict[str, Any]:
    return runpy.run_path(str(checkout / "salt/states/lib/files/alive.py"))


def row(host: str, created: str, updated: str | None = None) -> dict[str, Any]:
    return {"binary": "heat-engine", "host": host, "created_at": created, "updated_at": updated}


def test_newest_report_of_the_node_counts_among_those_of_its_starts(alive: dict[str, Any]) -> None:
    rows = [
        row("one", "2026-01-02T00:00:00", None),
        row("one", "2026-01-01T00:00:00", "2026-01-01T09:00:00"),
        row("two", "2026-01-03T00:00:00", "2026-01-03T09:00:00"),
    ]
    assert alive["newest"](rows, "one", STAMPS) == {"heat-engine": rows[0]}


def test_service_of_a_backend_is_its_node_s(alive: dict[str, Any]) -> None:
    rows = [row("one@lvm", "2026-01-02T00:00:00")]
    assert alive["newest"](rows, "one", STAMPS) == {"heat-engine": rows[0]}


def test_service_that_never_reported_has_no_beat(alive: dict[str, Any]) -> None:
    assert alive["beat"]({"updated_at": None}, ["updated_at"]) is None


@pytest.fixture
def schema(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setitem(sys.modules, "pymysql", ModuleType("pymysql"))
    return runpy.run_path(str(checkout / "salt/states/lib/files/schema.py"))


def test_numbered_revisions_are_told_by_the_greatest(
    schema: dict[str, Any], tmp_path: Path
) -> None:
    for name in ("073_newton.py", "086_drop_tables.py", "085_placeholder.py", "__init__.py"):
        (tmp_path / name).touch()
    assert schema["heads"](tmp_path) == {"86"}


def test_schema_is_wide_with_the_revisions_of_a_file_and_others(
    schema: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "EXPAND_HEAD"
    file.write_text("2b\n")
    (tmp_path / "CONTRACT_HEAD").write_text("3c\n")
    assert schema["heads"](file) == {"2b"} and schema["heads"](tmp_path) == {"2b", "3c"}
    fits, wide = schema["fits"], str(file)
    assert fits({"2b", "1a"}, {"2b"}, wide) and fits({"2b", "3c"}, {"2b"}, wide)
    assert not fits({"1a", "3c"}, {"2b"}, wide)
    assert not fits({"2b", "1a"}, {"2b", "3c"}, str(tmp_path))


def test_any_schema_is_one_with_a_mark(schema: dict[str, Any]) -> None:
    assert schema["fits"]({"1a"}, {"any"}, "any")
    assert not schema["fits"](set(), {"any"}, "any")


def test_alembic_revisions_are_told_by_what_nothing_builds_on(
    schema: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "1a_first.py").write_text('revision = "1a"\ndown_revision = None\n')
    (tmp_path / "2b_second.py").write_text('revision = "2b"\ndown_revision = "1a"\n')
    assert schema["heads"](tmp_path) == {"2b"}


class Context:
    """heat's context as far as its plugin knows it."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Context:
        return cls(values)


@pytest.fixture
def stored(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> type[Context]:
    """heat's class of stored contexts, with the plugin loaded."""
    kept = type("StoredContext", (Context,), {})
    common, context = ModuleType("heat.common"), ModuleType("heat.common.context")
    context.__dict__.update(RequestContext=Context, StoredContext=kept)
    common.__dict__.update(context=context)
    monkeypatch.setitem(sys.modules, "heat", ModuleType("heat"))
    monkeypatch.setitem(sys.modules, "heat.common", common)
    runpy.run_path(str(checkout / "salt/states/heat/files/stored_context.py"))
    return kept


def test_stored_context_without_its_trust_becomes_one_that_asks_nobody(
    stored: type[Context],
) -> None:
    without = {"roles": ["member"], "project_id": "p"}
    made = stored.from_dict(without)
    assert (type(made), made.values) == (Context, without)


def test_stored_context_with_its_trust_stays_what_it_is(stored: type[Context]) -> None:
    made = stored.from_dict({"trust_id": "t", "roles": None})
    assert (type(made), made.values["trust_id"]) == (stored, "t")
