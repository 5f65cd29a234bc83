"""The web application: which address shows which page."""

from __future__ import annotations

import hashlib
from datetime import datetime
from importlib.metadata import version
from pathlib import Path as Folder
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from deploykit.base import times
from deploykit.base.errors import DeployKitError
from deploykit.base.times import utc_now
from deploykit.base.trouble import Trouble
from deploykit.web.answering import HTML, Answers, Wish, wish_of
from deploykit.web.metrics import CONTENT_TYPE, metrics_text
from deploykit.web.pages.entries import EntryPage, edge_of, entry_page
from deploykit.web.pages.environments import EnvironmentPage, environment_page
from deploykit.web.pages.figures import FiguresPage, figures_page
from deploykit.web.pages.pods import PodsPage, pods_page
from deploykit.web.pages.queue import QueuePage, queue_page
from deploykit.web.pages.records import RecordPage, RecordsPage, record_page, records_page
from deploykit.web.pages.releases import ReleasePage, ReleasesPage, release_page, releases_page
from deploykit.web.pages.train import TrainPage, train_page
from deploykit.web.problems import Problem
from deploykit.web.snapshot import Snapshot
from deploykit.web.sources import Sources

STATIC = Folder(__file__).parent / "static"
FAR = 10**7  # no list is longer

Wished = Annotated[Wish, Depends(wish_of)]
First = Annotated[int, Query(ge=0, le=FAR, description="How many of the newest to pass over.")]
Name = Annotated[str, Path(max_length=100)]
AS_HTML: dict[int | str, dict[str, Any]] = {
    200: {"content": {HTML: {}}},
    304: {"description": "It is as it was, by the header If-None-Match."},
    404: {"model": Problem, "description": "There is no such page."},
}


def make_app(sources: Sources) -> FastAPI:
    """The application that shows what `sources` have. It keeps nothing but pages that it made."""
    app = FastAPI(
        title="deploy-kit",
        description="What runs where, what waits and why. The pages for people are at the same "
        "addresses: by the header Accept, or ?format=html.",
        version=version("deploy-kit"),
        docs_url=None,  # both would load scripts of others
        redoc_url=None,
    )
    app.mount("/static", StaticFiles(directory=STATIC))
    answers = Answers(sources)
    _add_pages(app, answers, sources)
    _add_pages_beside(app, answers, sources)
    for kind in (HTTPException, RequestValidationError, DeployKitError):
        app.add_exception_handler(kind, answers.problem)
    return app


def answer_state(at: datetime | None, trouble: Trouble | None) -> str:
    """What tells apart answers that no snapshot knows of, for an ETag."""
    return hashlib.sha256(f"{at}{trouble.text if trouble else ''}".encode()).hexdigest()[:16]


def _add_pages(app: FastAPI, answers: Answers, sources: Sources) -> None:
    """The pages of what the ledger tells."""

    @app.get("/", response_model=TrainPage, responses=AS_HTML, summary="The train")
    def train(request: Request, wish: Wished) -> Response:
        return answers.page(request, wish, "train", train_page)

    @app.get("/releases", response_model=ReleasesPage, responses=AS_HTML, summary="All releases")
    def releases(request: Request, wish: Wished, first: First = 0) -> Response:
        return answers.page(request, wish, "releases", lambda now: releases_page(now, first))

    @app.get("/releases/{name}", response_model=ReleasePage, responses=AS_HTML,
             summary="A release: why it is not in production, and what to do")  # fmt: skip
    def release(request: Request, wish: Wished, name: Name) -> Response:
        def make(now: Snapshot) -> ReleasePage | None:
            return release_page(now, name, sources.runnable)

        return answers.page(request, wish, "release", make)

    @app.get("/environments/{name}", response_model=EnvironmentPage, responses=AS_HTML,
             summary="An environment: history, checks over time")  # fmt: skip
    def environment(request: Request, wish: Wished, name: Name, first: First = 0) -> Response:
        def make(now: Snapshot) -> EnvironmentPage | None:
            return environment_page(now, name, first)

        return answers.page(request, wish, "environment", make)

    @app.get("/environments/{name}/entry/{release}", response_model=EntryPage, responses=AS_HTML,
             summary="What an approver reads: what comes with a release, what stands against "
             "its entry")  # fmt: skip
    def entry(request: Request, wish: Wished, name: Name, release: Name) -> Response:
        def make(now: Snapshot) -> EntryPage | None:
            return entry_page(now, name, release, sources.edge, sources.runnable)

        edge = edge_of(sources.snapshot(), name, release)
        known = sources.edge(edge) if edge is not None else None
        state = answer_state(known.at, known.trouble) if known is not None else ""
        return answers.page(request, wish, "entry", make, state)

    @app.get("/figures", response_model=FiguresPage, responses=AS_HTML,
             summary="DORA's four figures, lead time by stage, soak, flake rates")  # fmt: skip
    def figures(request: Request, wish: Wished) -> Response:
        return answers.page(request, wish, "figures", figures_page)

    @app.get("/records", response_model=RecordsPage, responses=AS_HTML, summary="All records")
    def records(request: Request, wish: Wished, first: First = 0) -> Response:
        return answers.page(request, wish, "records", lambda now: records_page(now, first))

    @app.get("/records/{n}", response_model=RecordPage, responses=AS_HTML,
             summary="A record with its proof")  # fmt: skip
    def record(request: Request, wish: Wished, n: Annotated[int, Path(ge=0, le=FAR)]) -> Response:
        def make(now: Snapshot) -> RecordPage | None:
            if n >= len(now.records):
                return None
            return record_page(now, n, sources.commit(now.records[n]))

        return answers.page(request, wish, "record", make)


def _add_pages_beside(app: FastAPI, answers: Answers, sources: Sources) -> None:
    """What others than the ledger tell: the gate, the providers; and the figures for Prometheus."""

    @app.get("/queue", response_model=QueuePage, responses=AS_HTML, summary="The gate's queues")
    def queue(request: Request, wish: Wished) -> Response:
        if sources.report is None:
            raise HTTPException(404, "this site has no gate: it has no gate.yml")
        report, now = sources.report(), utc_now()
        state = f"{times.iso(report.at)}" if report else ""

        def make(snapshot: Snapshot) -> QueuePage:
            return queue_page(snapshot, report, now)

        return answers.page(request, wish, "queue", make, state)

    @app.get("/pods", response_model=PodsPage, responses=AS_HTML, summary="Pods")
    def pods(request: Request, wish: Wished) -> Response:
        answer, now = sources.pods.latest(), utc_now()
        trouble = answer.trouble.text if answer.trouble else ""
        state = answer_state(answer.at, answer.trouble)

        def make(snapshot: Snapshot) -> PodsPage:
            return pods_page(snapshot, answer.value or (), answer.at, trouble, now)

        return answers.page(request, wish, "pods", make, state)

    @app.get("/metrics", response_class=Response, summary="For Prometheus",
             responses={200: {"content": {"text/plain": {}}}})  # fmt: skip
    def metrics() -> Response:
        text = metrics_text(sources.snapshot(), sources.read())
        return Response(text, headers={"content-type": CONTENT_TYPE})
