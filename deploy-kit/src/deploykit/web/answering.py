"""How requests for pages are answered: for people or machines, and once for all."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlencode

from fastapi import Query, Request, Response
from starlette.exceptions import HTTPException

from deploykit.web.problems import problem_of
from deploykit.web.rendering import Shown, as_html, as_json
from deploykit.web.snapshot import Snapshot
from deploykit.web.sources import Sources

KEPT = 512  # rendered pages
HTML, JSON = "text/html", "application/json"
WORDS = ("first",)  # of a query, those that make another page


@dataclass(frozen=True, slots=True)
class Wish:
    """How a page is wanted: for machines (`json`) or people, asking again by itself (`live`) or
    not; `address` names the page, whatever is wished."""

    json: bool
    live: bool
    address: str

    @property
    def media_type(self) -> str:
        return f"{JSON if self.json else HTML}; charset=utf-8"


def wish_of(
    request: Request,
    format: Annotated[
        Literal["html", "json"] | None, Query(description="What counts before the header Accept.")
    ] = None,
    live: Annotated[
        Literal["no"] | None, Query(description="no: the page does not ask again by itself.")
    ] = None,
) -> Wish:
    """How the page of a request is wanted."""
    words = [(name, request.query_params[name]) for name in WORDS if name in request.query_params]
    address = quote(request.url.path) + (f"?{urlencode(words)}" if words else "")
    return Wish(_wants_json(request, format), live is None, address)


def _wants_json(request: Request, format: str | None) -> bool:
    accepted = request.headers.get("accept", "")
    return prefers_json(accepted) if format is None else format == "json"


def prefers_json(accept: str) -> bool:
    """Whether a header Accept names JSON, and with more weight than HTML (RFC 9110, 12.5.1)."""
    weights = {JSON: 0.0, HTML: 0.0}
    for part in accept.split(","):
        kind, *parameters = (word.strip() for word in part.split(";"))
        weight = next(
            (parameter[2:] for parameter in parameters if parameter.startswith("q=")), "1"
        )
        if kind in weights and weight.replace(".", "", 1).isdecimal():
            weights[kind] = float(weight)
    return weights[JSON] > weights[HTML]


class Answers:
    """Pages as answers. Each is made once for all who see the same state, and then kept."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._kept: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._making = threading.Lock()

    def page(
        self,
        request: Request,
        wish: Wish,
        template: str,
        make: Callable[[Snapshot], Any],
        state: str = "",
    ) -> Response:
        """The page that `make` makes of the snapshot of now; 304 for who has it already.

        `state` tells apart what no snapshot knows of. Raises HTTPException where `make` returns
        None: there is no such page.
        """
        snapshot = self._sources.snapshot()
        view = "json" if wish.json else "live" if wish.live else "still"
        etag = f'"{snapshot.tag}{state}-{view}"'
        headers = {"etag": etag, "vary": "Accept", "cache-control": "no-cache"}
        known = request.headers.get("if-none-match", "").split(",")
        if etag in (tag.strip().removeprefix("W/") for tag in known):
            return Response(status_code=304, headers=headers)

        def body() -> bytes:
            page = make(snapshot)
            if page is None:
                raise HTTPException(404, f"there is no page {wish.address}")
            return self._rendered(page, template, wish, etag)

        rendered = self._once((etag, wish.address), body)
        return Response(rendered, headers=headers, media_type=wish.media_type)

    def problem(self, request: Request, error: Exception) -> Response:
        """The answer to a request that has none."""
        json = _wants_json(request, request.query_params.get("format"))
        wish, problem = Wish(json, live=False, address=""), problem_of(error)
        body = self._rendered(problem, "problem", wish, "")
        return Response(body, problem.status, media_type=wish.media_type)

    def _rendered(self, page: Any, template: str, wish: Wish, etag: str) -> bytes:
        if wish.json:
            return as_json(page)
        gate = self._sources.report is not None
        return as_html(page, template, Shown(wish.address, etag, wish.live, gate))

    def _once(self, key: tuple[str, str], make: Callable[[], bytes]) -> bytes:
        """What is kept by `key`, else what `make` makes; one at a time, as all compute."""
        kept = self._kept.get(key)
        if kept is not None:
            return kept
        with self._making:
            if key not in self._kept:
                self._kept[key] = make()
                if len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            return self._kept[key]
