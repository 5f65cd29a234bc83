"""How many nodes of a kind change at once, as the orchestration's own macro says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

ORCHESTRATE = Path(__file__).resolve().parents[3] / "salt/orchestrate"


def batches(nodes: int, pillar: dict[str, Any]) -> list[int]:
    """The sizes of the batches in which so many nodes change."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ORCHESTRATE), extensions=["jinja2.ext.do"], autoescape=False
    )
    salts = dict.fromkeys(("difference", "intersect", "load_json", "regex_replace"), list)  # unused
    environment.filters |= {**salts, "json": json.dumps}
    text = (
        "{%- from 'steps.jinja' import batches with context %}"
        "{{ batches('hypervisor', targets, ['nova_compute']) }}"
    )
    names = [f"compute{number}" for number in range(nodes)]
    shown = environment.from_string(text).render(pillar=pillar, saltenv="kit", targets=names)
    steps = yaml.safe_load(shown) or {}
    found = [
        {k: v for one in step["salt.state"] for k, v in one.items()} for step in steps.values()
    ]
    assert [name for step in found for name in step["tgt"]] == names
    return [len(step["tgt"]) for step in found]


@pytest.mark.parametrize(
    ("nodes", "pillar", "sizes"),
    [
        (0, {}, []),
        (1, {}, [1]),
        (2, {}, [1, 1]),
        (5, {}, [3, 2]),
        (19, {}, [10, 9]),
        (199, {}, [10] * 19 + [9]),
        (5, {"batch": 2}, [2, 2, 1]),
        (199, {"batch": 100}, [100, 99]),
        (199, {"batch_percent": 10}, [19] * 10 + [9]),
        (5, {"batch_percent": 10}, [1] * 5),
        (5, {"batch_percent": 100}, [5]),
    ],
)
def test_batches_are_as_great_as_the_environment_says(
    nodes: int, pillar: dict[str, Any], sizes: list[int]
) -> None:
    assert batches(nodes, pillar) == sizes
