"""The executor that lets Jenkins run jobs: each is one build of the job of workers.

A build gets the spec as its parameter JOB_SPEC and runs `deploy-kit job work`, which runs the
command on the agent by the local executor and ends with a line that only it writes (`worker_line`).
A build that ended without it said nothing about what was tried. The builds are Jenkins'; only which
of them is which job's is kept here, and even that can be found again by the parameter JOB_ID.
"""

from __future__ import annotations

import dataclasses
import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import jenkins
import requests
import urllib3

from deploykit.base import files, times
from deploykit.base.answers import TooMuch, whole
from deploykit.base.credentials import read_login
from deploykit.base.errors import DeployKitError, InputError
from deploykit.base.filelock import locked
from deploykit.base.printable import one_line, printable
from deploykit.base.waiting import wait_until
from deploykit.jobs import ID, SECTION, JobSpec, JobState, Phase, Result
from deploykit.jobs.folder import demand_same, parse_state, spec_text, state_json
from deploykit.site import Site

T = TypeVar("T")
WORKER = "deploy-kit-worker"
KEYS = frozenset({"executor", "url", "job", "credentials"})
TIMEOUT = 20  # seconds for one answer of Jenkins
STARTING = 60.0  # seconds to wait for another process that starts a job
STOPPING = 60.0  # seconds beyond a job's grace
REMEMBERED = 200  # builds that are looked through for one that was not written down
MOST_LOG = 64 * 2**20  # bytes
_FAILURES = (
    *(jenkins.JenkinsException, requests.RequestException, urllib3.exceptions.HTTPError),
    *(TooMuch, ValueError),
)


@dataclass(frozen=True, slots=True)
class Server:
    """Where Jenkins is: URL, the name of the workers' job (FOLDER/NAME), and the file that holds
    `USER:TOKEN` (None: nobody logs in)."""

    url: str
    job: str = WORKER
    credentials: Path | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    """What this side knows of a job. `queue` and `build` are Jenkins' numbers, once known."""

    state: JobState
    grace: float
    queue: int | None = None
    build: int | None = None


def worker_line(id: str, state: JobState) -> str:
    """The last line of a build: how its job ended."""
    return f"[deploy-kit job {id}: {state.result}: {state.summary}]"


def for_site(site: Site) -> JenkinsExecutor:
    """The executor of a site by its site.yml. Raises InputError if that does not fit."""
    section = site.section(SECTION)
    assert section is not None  # it names this executor
    keys = section.mapping(KEYS)
    if "url" not in keys:
        raise section.error("'url' is missing", "jobs: {executor: jenkins, url: https://…}")
    url = keys["url"].web_address()
    file = site.folder / keys["credentials"].text() if "credentials" in keys else None
    job = keys["job"].text() if "job" in keys else WORKER
    return JenkinsExecutor(site.state / "jobs-jenkins", Server(url, job, file))


class JenkinsExecutor:
    """Keeps what it knows of its jobs below `folder`."""

    def __init__(self, folder: Path, server: Server) -> None:
        self._folder, self._server = folder, server
        self._client: jenkins.Jenkins | None = None
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def start(self, spec: JobSpec) -> str:
        """Raises InputError for a spec with secrets: Jenkins keeps its own."""
        if spec.secrets:
            raise InputError(
                f"job '{spec.id}' has secrets ({', '.join(sorted(spec.secrets))}), and parameters "
                "of builds are no place for them",
                "keep them as credentials of Jenkins, bound in deploy-kit/jenkins/jobs.yml",
            )
        with locked(self._folder / f".{spec.id}.lock", STARTING):
            file, text = self._file(spec.id), spec_text(spec)
            if not file.exists():
                files.write(self._folder / f"{spec.id}.spec", text, mode=0o600)
                log = f"{self._server.url.rstrip('/')}/{_job_path(self._server.job)}"
                state = JobState(spec.id, spec.item, Phase.WAITING, times.utc_now(), log)
                self._write(_Entry(state, spec.grace))
            else:
                demand_same(spec, self._folder / f"{spec.id}.spec")
            entry = self._read(spec.id)
            if entry.queue is None and entry.build is None:
                self._write(self._find_again(entry) or self._queue_build(entry, spec, text))
        return spec.id

    def poll(self, id: str) -> JobState:
        entry = self._read(id)
        if not entry.state.running:
            return entry.state
        latest = self._look(entry)
        if latest != entry:
            self._write(latest)
        return latest.state

    def cancel(self, id: str) -> None:
        """Raises DeployKitError if Jenkins does not end the build."""
        seconds = self._read(id).grace + STOPPING
        if not wait_until(lambda: self._tell_to_end(id), seconds, pause=1.0):
            raise DeployKitError(
                f"Jenkins did not end job '{id}' within {seconds:.0f} s",
                f"end it there: {self._read(id).state.log}",
            )

    def jobs(self) -> list[JobState]:
        ids = [file.stem for file in self._folder.glob("*.json")]
        return sorted(map(self.poll, ids), key=lambda state: (state.requested, state.id))

    def log_text(self, id: str, start: int = 0) -> str:
        build = self._read(id).build
        return self._log(build, start) if build is not None else ""

    def forget(self, before: datetime) -> int:
        old = [state for state in self.jobs() if state.ended is not None and state.ended < before]
        for state in old:
            for name in (f"{state.id}.json", f"{state.id}.spec", f".{state.id}.lock"):
                (self._folder / name).unlink(missing_ok=True)
        return len(old)

    # What Jenkins is told.

    def _queue_build(self, entry: _Entry, spec: JobSpec, text: str) -> _Entry:
        """Have Jenkins build the job."""
        values = {"JOB_ID": spec.id, "ITEM": spec.item, "JOB_SPEC": text}
        path = f"{_job_path(self._server.job)}/buildWithParameters"
        # In the body: python-jenkins' build_job would put the whole spec into the URL.
        answer = self._ask(lambda to: to.jenkins_request(self._request("POST", path, data=values)))
        number = re.search(r"/queue/item/(\d+)/?$", answer.headers.get("Location", ""))
        if not number:
            raise DeployKitError(
                f"Jenkins took job '{spec.id}' and named no queue item",
                "look whether something between here and Jenkins drops the header Location",
            )
        return dataclasses.replace(entry, queue=int(number[1]))

    def _tell_to_end(self, id: str) -> bool:
        """Tell Jenkins to end the job, as far as it has not; returns whether it has."""
        if not self.poll(id).running:
            return True
        entry = self._read(id)
        if entry.build is not None:
            build = entry.build
            self._ask(lambda to: to.stop_build(self._server.job, build))
        elif entry.queue is not None:
            queue = entry.queue
            self._ask(lambda to: to.cancel_queue(queue))
        else:
            self._write(_over(entry, Result.CANCELLED, "cancelled before Jenkins knew of it"))
        return not self.poll(id).running

    # What Jenkins says.

    def _look(self, entry: _Entry) -> _Entry:
        """What is known, with what Jenkins says now."""
        if entry.build is None and entry.queue is not None:
            entry = self._look_in_queue(entry)
        build = entry.build
        if build is None or not entry.state.running:
            return entry
        info = self._json(f"{_job_path(self._server.job)}/{build}/api/json")
        if info is None:
            return _over(entry, Result.LOST, f"Jenkins has no build {build} any more")
        began = datetime.fromtimestamp(info["timestamp"] // 1000, UTC)
        log = str(info.get("url") or entry.state.log)
        state = dataclasses.replace(entry.state, phase=Phase.RUNNING, began=began, log=log)
        entry = dataclasses.replace(entry, state=state)
        if info.get("building") or not info.get("result"):
            return entry
        result, why = _verdict(entry.state.id, str(info["result"]), self._log(build))
        return _over(entry, result, why)

    def _look_in_queue(self, entry: _Entry) -> _Entry:
        """What became of the queue item."""
        item = self._json(f"queue/item/{entry.queue}/api/json")
        if item is None:  # Jenkins forgets an item minutes after it left the queue
            return self._find_again(entry) or _over(
                entry, Result.LOST, f"Jenkins has no queue item {entry.queue} any more"
            )
        if item.get("cancelled"):
            return _over(entry, Result.CANCELLED, "it was taken out of Jenkins' queue")
        if item.get("executable"):
            return dataclasses.replace(entry, build=int(item["executable"]["number"]))
        why = one_line(str(item.get("why") or ""))
        return dataclasses.replace(entry, state=dataclasses.replace(entry.state, summary=why))

    def _find_again(self, entry: _Entry) -> _Entry | None:
        """The build or queue item that has the job's id as parameter, None if there is none."""
        job = _job_path(self._server.job)
        tree = "[parameters[name,value]]"
        queue = self._json(f"queue/api/json?tree=items[id,actions{tree}]") or {}
        for item in queue.get("items") or ():
            if _parameter(item) == entry.state.id:
                return dataclasses.replace(entry, queue=int(item["id"]))
        query = f"{job}/api/json?tree=builds[number,actions{tree}]{{0,{REMEMBERED}}}"
        for build in (self._json(query) or {}).get("builds") or ():
            if _parameter(build) == entry.state.id:
                return dataclasses.replace(entry, build=int(build["number"]))
        return None

    def _log(self, build: int, start: int = 0) -> str:
        """What the build has printed, piece by piece as Jenkins gives it."""
        path = f"{_job_path(self._server.job)}/{build}/logText/progressiveText"
        text, at = "", start
        while at < MOST_LOG:
            answer = self._ask(self._getting(f"{path}?start={at}"))
            text += answer.text
            last, at = at, int(answer.headers.get("X-Text-Size", 0))
            if answer.headers.get("X-More-Data") != "true" or at <= last:
                break
        return printable(text.replace("\r\n", "\n"))

    # How it is asked.

    def _json(self, path: str) -> dict[str, Any] | None:
        """The JSON at `path`, None if Jenkins has nothing there."""
        try:
            text = self._ask(lambda to: to.jenkins_open(self._request("GET", path)))
        except _NotThere:
            return None
        try:
            value = json.loads(text)
        except ValueError:
            raise DeployKitError(
                f"what Jenkins says at {path} is no JSON: {one_line(text, 80)}",
                f"look whether {self._server.url} is Jenkins",
            ) from None
        return value if isinstance(value, dict) else None

    def _getting(self, path: str) -> Callable[[jenkins.Jenkins], requests.Response]:
        return lambda to: to.jenkins_request(self._request("GET", path))

    def _request(self, method: str, path: str, **more: Any) -> requests.Request:
        return requests.Request(method, f"{self._server.url.rstrip('/')}/{path}", **more)

    def _ask(self, question: Callable[[jenkins.Jenkins], T]) -> T:
        """The answer to `question`. Raises DeployKitError if there is none, in words for people."""
        where = f"Jenkins at {self._server.url}"
        try:
            if self._client is None:
                self._client = self._connect()
            return question(self._client)
        except jenkins.NotFoundException:
            raise _NotThere(f"{where} has no such page", "look at its job's name") from None
        except jenkins.TimeoutException:
            raise DeployKitError(
                f"{where} did not answer within {TIMEOUT} s", "look at it, then run this again"
            ) from None
        except _FAILURES as error:
            self._client = None  # its crumb may be of a session that is over
            reason = one_line(str(error), 200)
            if "[401]" in reason or "[403]" in reason:
                raise DeployKitError(
                    f"{where} does not let this user do that: {reason}",
                    f"look at the token in {self._server.credentials or 'jobs.credentials'}",
                ) from None
            raise DeployKitError(
                f"{where} cannot be asked: {reason}", "look at it, then run this again"
            ) from None

    def _connect(self) -> jenkins.Jenkins:
        user: str | None = None
        token: str | None = None
        if self._server.credentials is not None:
            user, token = read_login(self._server.credentials, "Jenkins", "USER:TOKEN")
        client = jenkins.Jenkins(self._server.url, user, token, timeout=TIMEOUT, retries=0)
        client._session.hooks["response"].append(_take_in)  # it has no public way to say so
        return client

    # What is kept here.

    def _file(self, id: str) -> Path:
        return self._folder / f"{id}.json"

    def _read(self, id: str) -> _Entry:
        if not ID.fullmatch(id) or not self._file(id).is_file():
            raise InputError(f"there is no job '{id}'", "deploy-kit job list")
        try:
            return _parse(json.loads(self._file(id).read_text("utf-8")))
        except (ValueError, KeyError, TypeError) as error:
            raise DeployKitError(f"{self._file(id)} cannot be read: {error}", "remove it") from None

    def _write(self, entry: _Entry) -> None:
        value = {**dataclasses.asdict(entry), "state": state_json(entry.state)}
        files.write(self._file(entry.state.id), json.dumps(value, indent=1), mode=0o600)


def _take_in(response: requests.Response, **settings: Any) -> None:
    """Read the answer within bounds, before requests would read it without any. Raises TooMuch."""
    content = whole(lambda most: response.raw.read1(most, decode_content=True))
    response.raw = io.BytesIO(content)


class _NotThere(DeployKitError):
    """Jenkins says 404."""


def _parse(value: Mapping[str, Any]) -> _Entry:
    return _Entry(parse_state(value["state"]), value["grace"], value["queue"], value["build"])


def _over(entry: _Entry, result: Result, why: str) -> _Entry:
    return dataclasses.replace(entry, state=entry.state.over(result, why, times.utc_now()))


def _verdict(id: str, outcome: str, log: str) -> tuple[Result, str]:
    """How a job ended whose build's result is `outcome`, by what its worker wrote last."""
    if outcome == "ABORTED":
        return Result.CANCELLED, "somebody ended its build"
    lines = re.findall(rf"^\[deploy-kit job {re.escape(id)}: ([a-z-]+): (.*)\]$", log, re.MULTILINE)
    if not lines or lines[-1][0] not in set(Result):
        return Result.BROKEN, f"its build ended as {outcome} before the job did"
    result = Result(lines[-1][0])
    if (outcome == "SUCCESS") != (result is Result.PASSED):
        return Result.BROKEN, f"its worker says {result}, and the build ended as {outcome}"
    return result, lines[-1][1]


def _parameter(item: Mapping[str, Any]) -> str | None:
    """The parameter JOB_ID of a build or queue item."""
    for action in item.get("actions") or ():
        for parameter in (action or {}).get("parameters") or ():
            if parameter.get("name") == "JOB_ID":
                return str(parameter.get("value"))
    return None


def _job_path(name: str) -> str:
    """FOLDER/NAME as Jenkins' URLs have it."""
    return "/".join(f"job/{quote(part, safe='')}" for part in name.split("/"))
