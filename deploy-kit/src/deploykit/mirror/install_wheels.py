"""Lay the wheels of a Salt out as a folder of their own: run by a node's own Python, as it is.

    install_wheels.py <REQUEST

The request is JSON: the `folder` below /opt, its `files` (name -> SHA-256), and where they come
`from`: a folder, or a URL below which they are served. `root` is where / is, for an image. Nothing
is compiled, no index is asked, and nothing runs by the folder's name until it is whole.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

TRIES_SECONDS = 120.0  # as long as the master may take to begin to serve
WAIT = 2.0
REQUEST_TIMEOUT = 60.0
STEP_TIMEOUT = 900.0
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
DIGEST = re.compile(r"[0-9a-f]{64}")


def main() -> None:
    request = json.load(sys.stdin)
    for name, digest in request["files"].items():
        if not NAME.fullmatch(name) or not DIGEST.fullmatch(digest):
            sys.exit(f"{name!r} is no name of a wheel")
    folder, root = request["folder"], Path(request.get("root", "/"))
    if not NAME.fullmatch(folder):
        sys.exit(f"{folder!r} is no name of a folder")
    print("made" if install(folder, request["files"], request["from"], root) else "there")


def install(folder: str, files: dict[str, str], source: str, root: Path) -> bool:
    """Make ROOT/opt/FOLDER of the wheels; whether it was not there. Exits with the reason."""
    target = root / "opt" / folder
    if target.is_dir():
        return False
    aside = target.with_name(f".{folder}.new")
    shutil.rmtree(aside, ignore_errors=True)
    wheels = aside.with_name(f".{folder}.wheels")
    wheels.mkdir(parents=True, exist_ok=True)
    for name, digest in files.items():
        fetch(source, name, digest, wheels)
    run("/usr/bin/python3", "-m", "venv", "--without-pip", aside)
    requirements = wheels / "requirements.txt"
    requirements.write_text("".join(requirement(*one) for one in sorted(files.items())))
    (pip,) = wheels.glob("pip-*.whl")
    # Isolated: neither this machine's settings nor its packages have a part in it.
    run(
        aside / "bin" / "python3", pip / "pip", "--isolated", "--quiet", "--no-input",
        "--disable-pip-version-check", "install", "--no-index", "--no-deps", "--no-compile",
        "--no-cache-dir", "--require-hashes", "--find-links", wheels, "--requirement", requirements,
    )  # fmt: skip
    settle(aside, f"/opt/{folder}")
    compile_all(aside, f"/opt/{folder}")
    os.sync()  # a node that loses power now has all of it, or nothing
    aside.rename(target)
    shutil.rmtree(wheels)
    return True


def requirement(name: str, digest: str) -> str:
    """The line of a requirements file for one wheel."""
    package, version = name.split("-")[:2]
    return f"{package}=={version} --hash=sha256:{digest}\n"


def fetch(source: str, name: str, digest: str, folder: Path) -> None:
    """Have the file `name` in `folder`, proved. What is there of a run that was cut off is kept."""
    place = folder / name
    if place.is_file() and digest_of(place) == digest:
        return
    if source.startswith(("http://", "https://")):
        download(f"{source}/{name}", place)
    else:
        shutil.copyfile(Path(source) / name, place)
    if digest_of(place) != digest:
        place.unlink()
        sys.exit(f"{source}/{name} is not the file of the release (SHA-256 {digest})")


def download(url: str, place: Path) -> None:
    """Fetch a file; a server that is not there yet is waited for."""
    # Straight to the master: a proxy knows no such address.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    until = time.monotonic() + TRIES_SECONDS
    while True:
        try:
            with opener.open(url, timeout=REQUEST_TIMEOUT) as answer, place.open("wb") as new:
                shutil.copyfileobj(answer, new)
            return
        except urllib.error.HTTPError as error:
            sys.exit(f"{url}: {error}: deploy again, which sends the master what it lacks")
        except OSError as error:  # URLError is one
            if time.monotonic() > until:
                sys.exit(f"{url}: {error}: does release-packages run on the master?")
            time.sleep(WAIT)


def settle(tree: Path, place: str) -> None:
    """Make a virtual environment right for its place on a node.

    Its programs name the folder itself, no link to it: what runs stays with its own version when
    the link moves. It sees Debian's packages (python3-apt), and was built without them, so that
    nothing a machine happens to have is left out of it.
    """
    settings = tree / "pyvenv.cfg"
    lines = settings.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith(("include-system-site", "command"))]
    kept += ["include-system-site-packages = true", ""]
    settings.write_text("\n".join(kept), encoding="utf-8")
    for script in (tree / "bin").iterdir():
        if script.is_symlink() or not script.is_file():
            continue
        content = script.read_bytes()
        if content.startswith(b"#!") or script.name.lower().startswith("activate"):
            script.write_bytes(content.replace(str(tree).encode(), place.encode()))


def compile_all(tree: Path, place: str) -> None:
    """Compile the modules for their place. A few are for other Pythons, and fail."""
    words = ["-m", "compileall", "-q", "-j", "0", "-s", tree, "-p", place, tree / "lib"]
    with contextlib.suppress(subprocess.CalledProcessError):
        subprocess.run(
            ["/usr/bin/python3", *map(str, words)],
            check=True, stdout=subprocess.DEVNULL, timeout=STEP_TIMEOUT,
        )  # fmt: skip


def run(*words: object) -> None:
    """Run a program; exits with what it said where it fails."""
    done = subprocess.run(
        [str(word) for word in words],
        capture_output=True, text=True, check=False, timeout=STEP_TIMEOUT,
    )  # fmt: skip
    if done.returncode != 0:
        sys.exit(f"{done.stdout}{done.stderr}".strip() or f"{words[0]}: exit {done.returncode}")


def digest_of(file: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


if __name__ == "__main__":
    main()
