"""Pools over HTTP: what `deploy-kit pod reserve` and its kin do, for programs; and a page.

Whoever reads needs nothing, as with the other pages; whoever asks for a pod shows a token, and is
the user whose it is. A browser never has one, so no page of others can ask in somebody's name.
"""

# No `from __future__ import annotations`: FastAPI reads those of functions within functions.
import hashlib
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path as Folder
from typing import Annotated, Any

from fastapi import Body, Depends, FastAPI, Header, Path, Request, Response
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from deploykit.base import times
from deploykit.base.errors import WRONG_CALL, DeployKitError
from deploykit.pools import LEASE, Member, State
from deploykit.pools.desk import GivenUp, Wish
from deploykit.pools.opening import Pools
from deploykit.pools.status import Status, status_of
from deploykit.pools.store import StateAway
from deploykit.web.answering import prefers_json
from deploykit.web.rendering import Shown, as_html, as_json

STATIC = Folder(__file__).parent / "static"
LONGEST = 30 * 86400  # seconds
Name = Annotated[str, Path(max_length=100)]
Text = Annotated[str, Field(max_length=200)]


class Asked(BaseModel):
    """A wish for a pod: `seconds` is how long it is wanted, `lease` how long it is the asker's
    without a renewal (0: for all of `seconds`)."""

    model_config = ConfigDict(extra="forbid")

    pool: Text
    purpose: Text
    seconds: float = Field(14400, gt=0, le=LONGEST)
    build: Text = ""
    change: Text = ""
    priority: int = Field(0, ge=-1000, le=0)
    lease: float = Field(LEASE, ge=0, le=LONGEST)


class Keeping(BaseModel):
    """How long a pod is kept, from now on."""

    model_config = ConfigDict(extra="forbid")

    seconds: float = Field(gt=0, le=LONGEST)


class Reservation(BaseModel):
    """A request, and the pod that it was given: null as long as it waits. Ask again by its id at
    least once a minute, or nobody waits any more."""

    request: str
    pod: dict[str, Any] | None


def digest_of(token: str) -> str:
    """What the state keeps of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def make_pool_app(pools: Pools) -> FastAPI:
    """The application of the site's pools. It keeps nothing."""
    app = FastAPI(
        title="deploy-kit pools",
        description="Pods that are ready: reserved, renewed, given back.",
        version=version("deploy-kit"),
        docs_url=None,  # both would load scripts of others
        redoc_url=None,
    )
    app.mount("/static", StaticFiles(directory=STATIC))
    user = _users(pools)
    _add_reservations(app, pools, user)
    _add_pods(app, pools, user)
    _add_status(app, pools)
    app.add_exception_handler(DeployKitError, _problem)
    return app


def _users(pools: Pools) -> Callable[..., str]:
    def user(authorization: Annotated[str, Header()] = "") -> str:
        """The user whose token a request shows."""
        kind, _, token = authorization.partition(" ")
        with pools.store.reading() as state:
            found = state.user_of_token(digest_of(token)) if kind == "Bearer" and token else None
        if found is None:
            raise HTTPException(401, "a token is wanted: deploy-kit pool token add USER")
        return found

    return user


def _add_reservations(app: FastAPI, pools: Pools, user: Callable[..., str]) -> None:
    User = Annotated[str, Depends(user)]
    answers: dict[int | str, dict[str, Any]] = {202: {"model": Reservation}}

    @app.post("/reservations", status_code=201, response_model=Reservation, responses=answers,
              summary="Ask for a pod: 201 with one, 202 to wait")  # fmt: skip
    def ask(who: User, asked: Annotated[Asked, Body()]) -> Response:
        wish = Wish(
            asked.pool, who, asked.purpose, asked.seconds, asked.build, asked.change,
            asked.priority, asked.lease,
        )  # fmt: skip
        request, pod = pools.desk.ask(wish)
        return _reservation(request, pod, who)

    @app.get("/reservations/{request}", response_model=Reservation, responses=answers,
             summary="The pod of a request, or that it waits")  # fmt: skip
    def look(who: User, request: Name) -> Response:
        return _reservation(request, pools.desk.look(request), who)

    @app.delete("/reservations/{request}", status_code=204, summary="Wait no longer")
    def withdraw(who: User, request: Name) -> Response:
        with pools.store.reading() as state:
            asked = {one.id: one.user for one in state.requests()}
            pod = state.of_request(request)
        if who not in (asked.get(request), pod.user if pod else None):
            raise HTTPException(404, "you have no such request")
        pools.desk.withdraw(request)
        return Response(status_code=204)


def _add_pods(app: FastAPI, pools: Pools, user: Callable[..., str]) -> None:
    User = Annotated[str, Depends(user)]

    @app.post("/pods/{name}/renew", summary="Still wanted: the lease begins anew")
    def renew(who: User, name: Name) -> dict[str, Any]:
        return as_pod(pools.desk.renew(name, who))

    @app.post("/pods/{name}/keep", summary="Kept, whatever becomes of its holder")
    def keep(who: User, name: Name, keeping: Annotated[Keeping, Body()]) -> dict[str, Any]:
        return as_pod(pools.desk.keep(name, time.time() + keeping.seconds, who))

    @app.post("/pods/{name}/release", summary="Given back: it goes, and another is made")
    def release(who: User, name: Name) -> dict[str, Any]:
        return as_pod(pools.desk.release(name, who))


def _add_status(app: FastAPI, pools: Pools) -> None:
    @app.get("/", response_model=Status, summary="Pools, hosts, pods and the queue")
    def status(request: Request) -> Response:
        with pools.store.reading() as state:
            page = status_of(state, pools.config, time.time())
        if prefers_json(request.headers.get("accept", "")):
            return Response(as_json(page), media_type="application/json")
        html = as_html(page, "pools", Shown("/", "", live=True, gate=False))
        return Response(html, media_type="text/html; charset=utf-8")


def as_pod(pod: Member) -> dict[str, Any]:
    """A pod for who has it: how it is reached, until when."""
    return {
        "pod": pod.instance,
        "name": pod.name,
        "pool": pod.pool,
        "host": pod.host,
        "state": pod.state.value,
        "until": times.at(max(pod.until, pod.kept)).isoformat(),
        "lease": times.at(pod.over_at).isoformat(),
        **pod.way_in,
    }


def _reservation(request: str, pod: Member | None, who: str) -> Response:
    if pod is not None and (pod.user != who or pod.state is not State.HELD):
        raise HTTPException(404, "you have no such pod")
    answer = Reservation(request=request, pod=as_pod(pod) if pod is not None else None)
    return JSONResponse(answer.model_dump(), 201 if pod is not None else 202)


def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, DeployKitError)
    status = 409
    if isinstance(error, StateAway):
        status = 503
    elif isinstance(error, GivenUp):
        status = 410
    elif error.exit_code == WRONG_CALL:
        status = 404
    return JSONResponse({"detail": error.message, "remedy": error.remedy}, status)
