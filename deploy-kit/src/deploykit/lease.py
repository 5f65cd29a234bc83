"""A deployment's hold on its environment: a ledger record, renewed while the work goes on."""

from __future__ import annotations

import contextlib
import datetime
import threading
import uuid
from typing import Any

from deploykit.context import Context
from deploykit.errors import DeployKitError, Refused
from deploykit.ledger.view import in_flight, running
from deploykit.owner import is_dead, this_process
from deploykit.policy import evaluate
from deploykit.records import Record, timestamp
from deploykit.release import Release

LEASE = datetime.timedelta(minutes=3)


class Lease:
    """Held from the `started` record to the `finished` or `failed` one.

    As a context manager: entering asks policy and writes `started` in one step of the ledger, so
    that of two promoters exactly one enters; the other is refused by the winner's name. A killed
    holder is taken over when its lease is over, or at once where its process is seen to be gone.
    Leaving without `finish` writes `failed`. Raises Refused with every reason of policy.
    """

    def __init__(
        self,
        context: Context,
        release: Release,
        environment: str,
        purpose: str,
        lease: datetime.timedelta = LEASE,
    ) -> None:
        self._context, self._release, self._environment = context, release, environment
        self._purpose, self._lease = purpose, lease
        self._id = str(uuid.uuid4())
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True)
        self._ended = False
        self.over: str | None = None

    def __enter__(self) -> Lease:
        self._context.ledger.append(self._start)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: object
    ) -> None:
        self._stop.set()
        self._thread.join()
        if not self._ended:
            said = error.message if isinstance(error, DeployKitError) else repr(error)
            self._end("failed", f"{said}")

    def finish(self, summary: str) -> None:
        """Record that the release is what the environment runs now."""
        self._stop.set()
        self._thread.join()
        self._end("finished", summary)

    def _start(self, records: tuple[Record, ...], now: datetime.datetime) -> dict[str, Any]:
        held = in_flight(records, self._environment)
        if held is not None and not (held.lease_until <= now or is_dead(held.owner)):
            raise Refused(
                f"{self._environment}: {held.owner['user']}@{held.owner['host']} (process "
                f"{held.owner['pid']}) is bringing {held.version} there since "
                f"{timestamp(held.since)}",
                f"wait for it; should it have died, its lease is over at "
                f"{timestamp(held.lease_until)}",
            )
        if self._purpose != "rollback":
            verdict = evaluate(self._release, self._environment, records, now)
            if not verdict.allowed:
                raise refusal(self._release.version, self._environment, verdict.reasons)
        was = running(records, self._environment)
        self.over = was.digest if was else None
        return self._body("started", now, "")

    def _end(self, phase: str, summary: str) -> None:
        self._ended = True
        self._context.ledger.append(lambda records, now: self._owned(records, phase, now, summary))

    def _renew(self) -> None:
        # A renewal that fails is tried again at the next third; `finish` tells of a lost hold.
        while not self._stop.wait(self._lease.total_seconds() / 3):
            with contextlib.suppress(DeployKitError):
                self._context.ledger.append(
                    lambda records, now: self._owned(records, "renewed", now, "")
                )

    def _owned(
        self, records: tuple[Record, ...], phase: str, now: datetime.datetime, summary: str
    ) -> dict[str, Any]:
        held = in_flight(records, self._environment)
        if held is None or held.id != self._id:
            by = f" by {held.owner['user']}@{held.owner['host']}" if held else ""
            raise Refused(
                f"{self._environment}: this deployment was taken over{by}",
                "deploy-kit status",
            )
        return self._body(phase, now, summary)

    def _body(self, phase: str, now: datetime.datetime, summary: str) -> dict[str, Any]:
        return {
            "kind": "deploy",
            "id": self._id,
            "phase": phase,
            "environment": self._environment,
            "release": self._release.digest,
            "version": self._release.version,
            "over": self.over,
            "purpose": self._purpose,
            "owner": this_process(),
            "lease_until": timestamp(now + self._lease),
            "summary": summary,
        }


def refusal(version: str, environment: str, reasons: Any) -> Refused:
    """One error with every reason and every remedy of a verdict."""
    lines: list[str] = []
    for reason in reasons:
        lines.append(f"- {reason.text}")
        if reason.remedy:
            lines.append(f"    {reason.remedy}")
    return Refused(f"release {version} may not enter {environment}:", "\n".join(lines))
