"""Jars by Maven, with the checksums of a lock file: `SHA-256  GROUP:ARTIFACT:VERSION` a line."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path
from xml.sax.saxutils import escape

from deploykit.base.filelock import locked
from deploykit.base.homes import cache_home

PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
SECONDS = 900.0  # for a slow network, and for who waits for another one's download


def jars(lock: Path) -> Path:
    """The folder that holds exactly the jars of `lock`, from the cache or by Maven.

    Raises RuntimeError where Maven is missing or fails, or where a jar is not the locked one.
    """
    wanted = {line.split()[1]: line.split()[0] for line in lock.read_text().splitlines()}
    key = hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    folder = cache_home() / "tests" / f"{lock.stem}-{key}"
    with locked(folder.with_suffix(".lock"), SECONDS):
        if not folder.is_dir():
            if shutil.which("mvn") is None or shutil.which("java") is None:
                raise RuntimeError("Maven or Java is missing: deploy-kit/setup --tests")
            aside = folder.with_suffix(".new")
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir(parents=True)
            _fetch(aside, list(wanted))
            _demand(aside, wanted)
            aside.rename(folder)
    return folder


def _fetch(folder: Path, coordinates: list[str]) -> None:
    """Have Maven put the jars into `folder`, and not even look for those that they ask for."""
    listed = "".join(
        f"<dependency><groupId>{escape(group)}</groupId><artifactId>{escape(name)}</artifactId>"
        f"<version>{escape(version)}</version><exclusions><exclusion><groupId>*</groupId>"
        "<artifactId>*</artifactId></exclusion></exclusions></dependency>"
        for group, name, version in (coordinate.split(":") for coordinate in coordinates)
    )
    pom = folder / "pom.xml"
    pom.write_text(
        "<project><modelVersion>4.0.0</modelVersion><groupId>t</groupId><artifactId>t</artifactId>"
        f"<version>1</version><dependencies>{listed}</dependencies></project>"
    )
    argv = ["mvn", "-q", "-B", PLUGIN, f"-DoutputDirectory={folder}"]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=SECONDS)
    pom.unlink()
    if done.returncode != 0:
        raise RuntimeError(f"Maven cannot get {', '.join(coordinates)}:\n{done.stdout[-2000:]}")


def _demand(folder: Path, wanted: dict[str, str]) -> None:
    """Raise RuntimeError unless `folder` holds what is `wanted`, byte by byte."""
    expected = {}
    for coordinate, sha in wanted.items():
        _, name, version = coordinate.split(":")
        expected[f"{name}-{version}.jar"] = sha
    present = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.glob("*.jar")
    }
    if present != expected:
        wrong = sorted(set(present.items()) ^ set(expected.items()))
        raise RuntimeError(f"these jars are not what the lock says: {wrong}")
