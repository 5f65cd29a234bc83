"""What the states of a release own on each minion, out of Salt's low data. Nothing is run."""

from __future__ import annotations

from typing import Any

from .protocol import AgentError

MOST = 1000  # characters of what Salt says
# States whose `name` is no thing that stays as it was made.
PASSING = frozenset({"absent", "missing"})


def owned_by(minion: str, answer: Any) -> dict[str, dict[str, bool]]:
    """The files of one minion's answer to `state.show_lowstate`: component -> path -> whether
    what is in it may be shown.

    A component is the folder of states/ that the state is in. A file that any state says not to
    show (`show_changes: False`) is not shown. Raises AgentError if the states do not render there.
    """
    if not isinstance(answer, list) or not all(isinstance(one, dict) for one in answer):
        said = "\n".join(map(str, answer)) if isinstance(answer, list) else str(answer)
        said = said.strip()[-MOST:]  # a traceback ends with what it is about
        raise AgentError(f"{minion}: its states do not render: {said or 'it did not answer'}")
    found: dict[str, dict[str, bool]] = {}
    for one in answer:
        path = str(one.get("name", ""))
        if one.get("state") != "file" or one.get("fun") in PASSING or not path.startswith("/"):
            continue
        files = found.setdefault(str(one.get("__sls__", "")).partition(".")[0], {})
        files[path] = files.get(path, True) and one.get("show_changes") is not False
    return found
