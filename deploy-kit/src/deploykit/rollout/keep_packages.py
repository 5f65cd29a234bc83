"""What a master keeps of package sets, below one folder: sent there and run by its own Python.

    keep_packages.py FOLDER <REQUEST

The request is JSON: `act`, the `set`, its `files` (path -> SHA-256). `missing` answers which of the
digests are not there yet. They are then laid into FOLDER/incoming, named by them, and `install`
takes them over, proved, and lays the set out as FOLDER/sets/SET: whole, or not at all.
"""

import hashlib
import json
import os
import shutil
import sys
from pathlib import Path, PurePosixPath

KEPT = 3  # sets of a kind: the new one, and those that nodes may go by until they are told of it


def main() -> None:
    folder, request = Path(sys.argv[1]), json.load(sys.stdin)
    acts = {"missing": missing, "install": install}
    print(json.dumps(acts[request["act"]](folder, request["set"], request["files"])))


def missing(folder: Path, name: str, files: dict[str, str]) -> list[str]:
    """The digests that are neither kept nor lying ready; nothing where the set is laid out."""
    for part in ("files", "incoming", "sets"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    if (folder / "sets" / name).is_dir():
        return []
    take_over(folder, set(files.values()))
    return sorted(one for one in set(files.values()) if not (folder / "files" / one).is_file())


def install(folder: Path, name: str, files: dict[str, str]) -> bool:
    """Lay the set out; whether it was not. Exits with the reason where a file is not there."""
    target = folder / "sets" / name
    if target.is_dir():
        return False
    take_over(folder, set(files.values()))
    aside = folder / "sets" / f".{name}.new"
    shutil.rmtree(aside, ignore_errors=True)
    for path, digest in files.items():
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            sys.exit(f"{path} is no path inside the set")
        source = folder / "files" / digest
        if not source.is_file():
            sys.exit(f"{path} did not arrive whole: {digest}")
        place = aside / path
        place.parent.mkdir(parents=True, exist_ok=True)
        os.link(source, place)
    aside.rename(target)
    shutil.rmtree(folder / "incoming", ignore_errors=True)
    forget(folder)
    return True


def take_over(folder: Path, wanted: set[str]) -> None:
    """Move what lies ready to where files are kept, if it is what its name says."""
    for file in sorted((folder / "incoming").glob("*")):
        if file.name in wanted and digest_of(file) == file.name:
            file.chmod(0o644)
            file.rename(folder / "files" / file.name)
        else:
            file.unlink()


def forget(folder: Path) -> None:
    """Remove all but the newest sets of each kind, and the files that none of them has.

    What stands before a `-` in a set's name is its kind: wheels have one, packages have not.
    """
    sets = sorted((folder / "sets").glob("[!.]*"), key=lambda one: one.stat().st_mtime_ns)
    kinds: dict[str, list[Path]] = {}
    for one in sets:
        kinds.setdefault(one.name.rpartition("-")[0], []).append(one)
    for old in (old for same in kinds.values() for old in same[:-KEPT]):
        shutil.rmtree(old)
    for file in (folder / "files").iterdir():
        if file.stat().st_nlink == 1:
            file.unlink()


def digest_of(file: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


if __name__ == "__main__":
    main()
