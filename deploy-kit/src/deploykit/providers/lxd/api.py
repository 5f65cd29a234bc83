"""The LXD daemon's API over its local socket, with a time limit on every call.

Every failure is a DeployKitError in LXD's own words. Calls name their project; 'default' holds
only what the sites of this host share: images and the bases that nodes are copied from.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from deploykit.base.errors import DeployKitError
from deploykit.base.waiting import wait_until
from deploykit.host.machine import SYSTEM_PATHS

SOCKETS = (Path("/var/lib/lxd/unix.socket"), Path("/var/snap/lxd/common/lxd/unix.socket"))
POOL = "deploy-kit"
CALL_TIMEOUT = 60.0  # seconds for one answer of the daemon
OPERATION_TIMEOUT = 120.0  # seconds for work in the daemon's background
SHUTDOWN_SECONDS = 100  # for services to end in good order
BUSY_TIMEOUT = 60.0  # seconds to wait for what it does with the same instance already
# What it says of an instance that another call works on, or has just done the same to: looking
# again tells what is left to do. (LXD 5.0's lxd/instance/operationlock and its drivers.)
PASSING = (
    "busy",
    "a matching non-reusable operation has now succeeded",
    "the instance is already stopped",
    "the instance is already running",
)


class LxdError(DeployKitError):
    """The daemon said no; the message carries its reason."""


def socket_path() -> Path:
    """The daemon's socket: $LXD_DIR/unix.socket, Debian's, or the snap's."""
    if given := os.environ.get("LXD_DIR"):
        return Path(given) / "unix.socket"
    return next((path for path in SOCKETS if path.exists()), SOCKETS[0])


def is_installed() -> bool:
    """Whether there is an LXD on this machine at all, running or not."""
    path = f"{os.environ.get('PATH', '')}:{SYSTEM_PATHS}"
    return socket_path().exists() or shutil.which("lxd", path=path) is not None


def patiently(work: Callable[[], None]) -> None:
    """Do `work`, and again if it met what another call, perhaps a killed one, had asked of LXD.

    So `work` has to look first what there is to do.
    """
    refusals: list[LxdError] = []

    def done() -> bool:
        try:
            work()
        except LxdError as error:
            message = error.message.lower()
            if not any(words in message for words in PASSING):
                raise
            refusals.append(error)
            return False
        return True

    if not wait_until(done, BUSY_TIMEOUT, pause=0.3):
        raise refusals[-1]


class Lxd:
    """A connection to the daemon. Safe to use from several threads: each call is one request."""

    def __init__(self, call_timeout: float = CALL_TIMEOUT) -> None:
        self._timeout = call_timeout
        self._socket = path = socket_path()
        remedy = "'deploy-kit setup' starts it; 'deploy-kit doctor' tells more"
        if not path.exists():
            raise LxdError("the LXD daemon is not running", remedy)
        if not os.access(path, os.R_OK | os.W_OK):
            raise LxdError(
                f"this user may not talk to the LXD daemon ({path})",
                "log in again after 'deploy-kit setup', or run the command under 'sg lxd'",
            )
        try:
            self._ask("GET", "")
        except LxdError:
            raise LxdError(f"the LXD daemon does not answer at {path}", remedy) from None

    def get(self, path: str, project: str = "default", **params: str) -> Any:
        """The `metadata` of a GET of /1.0/`path`. Raises LxdError; see `find` for what may be."""
        return self._call("GET", path, project, None, params)

    def find(self, path: str, project: str = "default", **params: str) -> Any | None:
        """Like `get`, but None if there is no such thing."""
        try:
            return self._call("GET", path, project, None, params)
        except _Missing:
            return None

    def post(self, path: str, body: Mapping[str, Any], project: str = "default") -> Any:
        """POST, waiting for the daemon's background work to end."""
        return self._call("POST", path, project, body, {})

    def patch(self, path: str, body: Mapping[str, Any], project: str = "default") -> Any:
        """PATCH, waiting for the daemon's background work to end."""
        return self._call("PATCH", path, project, body, {})

    def put(self, path: str, body: Mapping[str, Any], project: str = "default") -> Any:
        """PUT, waiting for the daemon's background work to end."""
        return self._call("PUT", path, project, body, {})

    def delete(self, path: str, project: str = "default") -> bool:
        """DELETE; False if there was no such thing."""
        try:
            self._call("DELETE", path, project, None, {})
        except _Missing:
            return False
        return True

    def stop(self, instance: str, project: str = "default") -> None:
        """Stop an instance at once, if it is there and runs."""
        self._end(instance, project, {"force": True, "timeout": 30})

    def shut_down(self, instance: str, project: str = "default") -> None:
        """Stop an instance in good order, if it is there and runs."""
        self._end(instance, project, {"force": False, "timeout": SHUTDOWN_SECONDS})

    def start(self, instance: str, project: str = "default") -> None:
        """Start an instance, if it does not run."""

        def once() -> None:
            if self.get(f"instances/{instance}/state", project)["status"] != "Running":
                body = {"action": "start", "timeout": 60}
                self.put(f"instances/{instance}/state", body, project)

        try:
            patiently(once)
        except LxdError as error:
            why = f"why: lxc --project {project} info {instance} --show-log"
            raise LxdError(error.message, f"{why}\n{error.remedy}".rstrip()) from None

    def remove(self, instance: str, project: str = "default") -> None:
        """Stop and delete an instance, if it is there."""

        def once() -> None:
            self.stop(instance, project)
            self.delete(f"instances/{instance}", project)

        patiently(once)

    def read_file(self, instance: str, path: str, project: str = "default") -> str | None:
        """The text of a file in an instance; None if there is none."""
        query = {"project": project, "path": path}
        try:
            return self._ask("GET", f"instances/{instance}/files", query).decode(errors="replace")
        except _Missing:
            return None
        except LxdError as error:
            raise LxdError(
                f"cannot read {path} of {instance}: {error.message}", error.remedy
            ) from None

    def write_file(
        self, instance: str, path: str, text: str, *, mode: str = "0644", project: str = "default"
    ) -> None:
        """Write a file of root's in an instance."""
        headers = {"X-LXD-mode": mode, "X-LXD-uid": "0", "X-LXD-gid": "0", "X-LXD-type": "file"}
        query = {"project": project, "path": path}
        place = f"instances/{instance}/files"
        try:
            self._ask("POST", place, query, body=text.encode(), headers=headers)
        except LxdError as error:
            raise LxdError(
                f"cannot write {path} of {instance}: {error.message}", error.remedy
            ) from None

    def _end(self, instance: str, project: str, how: Mapping[str, Any]) -> None:
        state = self.find(f"instances/{instance}/state", project)
        if state is not None and state["status"] != "Stopped":
            with suppress(_Missing):  # gone since the look
                self.put(f"instances/{instance}/state", {"action": "stop", **how}, project)

    def _call(
        self,
        method: str,
        path: str,
        project: str,
        body: Mapping[str, Any] | None,
        params: Mapping[str, str],
    ) -> Any:
        # LXD takes a project, or 'all-projects', never both.
        where = {} if "all-projects" in params else {"project": project}
        sent = None if body is None else json.dumps(body).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        answer = self._ask(method, path, {**where, **params}, body=sent, headers=headers)
        document = json.loads(answer)
        if document.get("type") != "async":
            return document.get("metadata")
        return self._wait(document["operation"], f"{method.lower()} {path}", project)

    def _wait(self, operation: str, what: str, project: str) -> Any:
        name = operation.split("?")[0].rsplit("/", 1)[-1]
        limit = OPERATION_TIMEOUT
        query = {"timeout": str(int(limit)), "project": project}
        answer = self._ask("GET", f"operations/{name}/wait", query, timeout=limit + 10)
        state = json.loads(answer)["metadata"]
        if state["status_code"] != http.client.OK:
            reason = state.get("err") or f"not done within {limit:.0f} s"
            kind = _Missing if reason.endswith("Instance not found") else LxdError
            raise kind(f"LXD could not {what}: {reason}")
        return state.get("metadata")

    def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> bytes:
        """One request to /1.0/`path` and what it answers; `timeout` counts for each packet.

        Raises _Missing for what is not there, LxdError for any other refusal or no answer.
        """
        call = f"{method.lower()} {path}"
        target = f"/1.0/{quote(path)}".rstrip("/") + (f"?{urlencode(query)}" if query else "")
        with closing(_LocalConnection(self._socket, timeout or self._timeout)) as connection:
            try:
                connection.request(method, target, body, dict(headers or {}))
                response = connection.getresponse()
                answer = response.read()
            except (OSError, http.client.HTTPException) as error:
                raise LxdError(
                    f"the LXD daemon did not answer ({call}): {type(error).__name__}",
                    "'deploy-kit doctor' tells more",
                ) from None
        if response.status < http.client.BAD_REQUEST:
            return answer
        reason = _reason(answer) or response.reason
        if response.status == http.client.NOT_FOUND:
            raise _Missing(f"LXD: {path}: {reason}")
        raise LxdError(f"LXD refused to {call}: {reason}")


class _LocalConnection(http.client.HTTPConnection):
    """HTTP over a socket of this machine."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _reason(answer: bytes) -> str:
    """What the daemon says against a request; '' if it says nothing."""
    try:
        return str(json.loads(answer).get("error", ""))
    except (ValueError, AttributeError):
        return ""


class _Missing(LxdError):
    """There is no such thing."""


def pool_room(lxd: Lxd, driver: str) -> tuple[int, int]:
    """Free and total bytes of the product's storage pool."""
    space = lxd.get(f"storage-pools/{POOL}/resources")["space"]
    free = space["total"] - space["used"]
    if driver == "btrfs":  # the file is sparse: the disk below may have less
        free = min(free, shutil.disk_usage(socket_path().parent).free)
    return free, space["total"]
