"""Pages as bytes: JSON for machines, HTML for people, both of the same dataclass.

Here is the edge at which texts of others are made printable. HTML escapes them besides, and JSON
what is not plain ASCII.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from pydantic import TypeAdapter

from deploykit.base import times
from deploykit.base.printable import printable
from deploykit.web import charts
from deploykit.web.pages.releases import name_of

DAY = "%a %d %b %H:%M"  # of this year; the year stands in the attribute


@dataclass(frozen=True, slots=True)
class Shown:
    """What a template is told beside its page: the `address` without words for the view, the `etag`
    that a browser asks again with, whether it asks again by itself (`live`), and whether the site
    has a `gate`."""

    address: str
    etag: str
    live: bool
    gate: bool


def as_json(page: Any) -> bytes:
    """A page for machines; times as in the ledger, in UTC."""
    value = _adapter(page.__class__).dump_python(page, mode="json")
    return json.dumps(value, indent=2).encode()


def as_html(page: Any, template: str, shown: Shown) -> bytes:
    """A page for people, by `templates/TEMPLATE.html`."""
    html = _environment().get_template(f"{template}.html")
    return html.render(page=page, shown=shown).encode()


@functools.cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


@functools.cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("deploykit.web"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=_shown,
    )
    made.filters |= {
        "age": times.age,
        "dated": dated,
        "duration": charts.duration,
        "iso": times.iso,
        "moment": moment,
        "percent": percent,
        "release_name": name_of,
        "url": lambda text: quote(text, safe=""),
    }
    made.globals["charts"] = charts
    return made


def _shown(value: Any) -> Any:
    if isinstance(value, str) and not isinstance(value, Markup):
        return printable(value)
    return value


def moment(time: datetime) -> str:
    """An aware time in UTC, to the minute, for people who know the year."""
    return time.strftime(DAY)


def dated(text: str) -> str:
    """`text` with each time in it that stands there as the ledger writes it as `moment` does."""
    return times.WRITTEN.sub(lambda match: _dated(match[0]), text)


def _dated(text: str) -> str:
    try:
        return f"{moment(times.parse(text))} UTC"
    except ValueError:  # it only looks like one
        return text


def percent(part: float) -> str:
    """A part of 1 in hundredths; one of those between 0 and 1 where it is less."""
    return "under 1 %" if 0 < part < 0.01 else f"{part * 100:.0f} %"
