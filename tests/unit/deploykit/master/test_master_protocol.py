"""The line protocol between deploy-kit and its agent on a master."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from typing import Any

from deploykit.master.remote.protocol import AgentError, Channel


def serve(handlers: dict[str, Any], *requests: bytes) -> list[dict[str, Any]]:
    out = io.BytesIO()
    Channel(io.BytesIO(b"".join(requests)), out).serve(handlers)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def request(call: str, payload: bytes = b"", **arguments: Any) -> bytes:
    head = {"call": call, "arguments": arguments, "payload": len(payload)}
    return json.dumps(head).encode() + b"\n" + payload


def test_call_is_answered_with_its_result() -> None:
    assert serve({"add": lambda a, b: a + b}, request("add", a=1, b=2)) == [{"result": 3}]


def test_payload_is_read_whole_and_the_next_call_goes_on() -> None:
    source = io.BytesIO(request("put", b"x\ny" * 5) + request("hi"))
    out, got = io.BytesIO(), io.BytesIO()
    channel = Channel(source, out)
    channel.serve({"put": lambda payload: channel.payload(payload, got), "hi": lambda: "hi"})
    assert got.getvalue() == b"x\ny" * 5
    assert json.loads(out.getvalue().splitlines()[-1]) == {"result": "hi"}


def test_agent_error_is_told_with_its_remedy_and_the_session_goes_on() -> None:
    def no() -> None:
        raise AgentError("no kit", "send it")

    answers = serve({"no": no, "hi": lambda: "hi"}, request("no"), request("hi"))
    assert answers == [{"error": "no kit", "remedy": "send it"}, {"result": "hi"}]


def test_any_other_exception_is_told_without_a_traceback() -> None:
    answers = serve({"bad": lambda: 1 // 0}, request("bad"))
    assert answers[0]["error"].startswith("ZeroDivisionError")
    assert "Traceback" not in json.dumps(answers)


def test_events_come_before_the_result() -> None:
    out = io.BytesIO()
    channel = Channel(io.BytesIO(request("work")), out)
    channel.serve({"work": lambda: channel.event(state="one")})
    assert [json.loads(line) for line in out.getvalue().splitlines()] == [
        {"event": {"state": "one"}},
        {"result": None},
    ]


def test_agent_at_work_ends_when_its_caller_is_gone() -> None:
    code = (
        "import sys, threading, time\n"
        "from deploykit.master.remote.agent import leave_with_caller\n"
        "sys.path.insert(0, '/nonexistent')\n"
        "threading.Thread(target=leave_with_caller, daemon=True).start()\n"
        "print('at work', flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None and child.stdin is not None
        assert child.stdout.readline() == b"at work\n"
        assert child.poll() is None
        child.stdin.close()
        assert child.wait(timeout=5) == 3
