"""A client of `deploy-kit pool serve`, for programs: a pod as long as a block runs."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from deploykit.base.errors import DeployKitError, Refused
from deploykit.base.webcall import Call, ask
from deploykit.pools.leasing import RENEWED, wanted

ASK_AGAIN = 1.0  # seconds


class PoolClient:
    """The pools behind `url`, as the user whose `token` this is. Errors are DeployKitErrors."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url.rstrip("/"), token

    def reserve(
        self, pool: str, purpose: str, patience: float | None = None, **more: Any
    ) -> dict[str, Any]:
        """A pod, waited for at most `patience` seconds (None: as long as it takes).

        `more` is as POST /reservations has it: seconds, build, change, priority, lease. Raises
        Refused when the time is over; then nothing is waited for any more.
        """
        found = self._call("POST", "reservations", {"pool": pool, "purpose": purpose, **more})
        end = None if patience is None else time.monotonic() + patience
        try:
            while found["pod"] is None:
                if end is not None and time.monotonic() >= end:
                    raise Refused(f"no pod of {pool} was free within {patience:.0f} s")
                time.sleep(ASK_AGAIN)
                found = self._call("GET", f"reservations/{quote(found['request'])}")
        except BaseException:
            with contextlib.suppress(DeployKitError):  # it is dropped within a minute, then
                self._call("DELETE", f"reservations/{quote(found['request'])}")
            raise
        pod: dict[str, Any] = found["pod"]
        return pod

    def renew(self, pod: str) -> dict[str, Any]:
        """A pod is still wanted."""
        return self._call("POST", f"pods/{quote(pod)}/renew")

    def keep(self, pod: str, seconds: float) -> dict[str, Any]:
        """A pod stays for so long, whatever becomes of its holder."""
        return self._call("POST", f"pods/{quote(pod)}/keep", {"seconds": seconds})

    def release(self, pod: str) -> dict[str, Any]:
        """A pod is given back."""
        return self._call("POST", f"pods/{quote(pod)}/release")

    @contextlib.contextmanager
    def pod(
        self, pool: str, purpose: str, every: float = RENEWED, **more: Any
    ) -> Iterator[dict[str, Any]]:
        """A pod while the block runs: renewed every `every` seconds, then given back."""
        pod = self.reserve(pool, purpose, **more)
        name = pod["name"]
        with wanted(lambda: self.renew(name), lambda: self.release(name), every):
            yield pod

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        answer = ask(Call(method, f"{self._url}/{path}", body, token=self._token))
        found: dict[str, Any] = json.loads(answer or "{}")
        return found
