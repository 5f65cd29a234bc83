"""Salt in the image: laid out as on a node, once per lock."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from deploykit.base.process import Result, run
from deploykit.image import salt
from deploykit.image.salt import build_salt, salt_tar
from deploykit.mirror.wheels import Lock, WheelSet, parse_lock

HASH = f" --hash=sha256:{'a' * 64}\n"


def lock(version: str) -> Lock:
    return parse_lock(f"pip==1{HASH}salt=={version}{HASH}", "salt.txt")


class Host:
    """A host on which laying out is but a file; counts how often it is done."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []

    def __call__(self, argv: Sequence[str | Path], **more: Any) -> Result:
        words = [str(word) for word in argv]
        if "-c" not in words:
            return run(argv, **more)
        request = json.loads(more["input"])
        self.requests.append(request)
        place = Path(request["root"]) / "opt" / request["folder"] / "bin"
        place.mkdir(parents=True)
        (place / "salt-call").write_text("x")
        return Result(tuple(words), 0, "made\n", "", 0.0)


def test_image_has_the_folder_of_the_lock_and_the_link_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = tmp_path / "wheels"
    monkeypatch.setattr(
        salt, "fetch_wheels", lambda lock, *_: (WheelSet(lock.folder, {"a.whl": "a" * 64}), wheels)
    )
    host, one, two = Host(), lock("1"), lock("2")
    tar = build_salt(tmp_path, one, tmp_path / "log", host)
    assert tar == salt_tar(tmp_path, one) != salt_tar(tmp_path, two)
    assert build_salt(tmp_path, one, tmp_path / "log", host) == tar
    (request,) = host.requests
    assert (request["folder"], request["from"]) == (one.folder, str(wheels))
    with tarfile.open(tar) as opened:
        assert opened.getmember("./opt/salt").linkname == one.folder
        assert f"./opt/{one.folder}/bin/salt-call" in opened.getnames()
        assert {member.uid for member in opened} == {0}
    assert not list(tmp_path.glob("salt-building-*"))
