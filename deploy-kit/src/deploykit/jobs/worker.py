"""What a build of Jenkins is told to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from deploykit.base.errors import InputError
from deploykit.jobs import JobSpec
from deploykit.jobs.folder import parse_spec

VARIABLE = "JOB_SPEC"


def spec_of(environ: Mapping[str, str]) -> JobSpec:
    """The job that $JOB_SPEC describes, as `jobs.folder.spec_text` writes it; an empty `cwd` is the
    folder that the worker is called in. Raises InputError if it does not fit."""
    remedy = "the executor jenkins gives it to its builds; see docs/jenkins.md"
    if VARIABLE not in environ:
        raise InputError(f"${VARIABLE} is not set", remedy)
    try:
        spec, secrets = parse_spec(environ[VARIABLE])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"${VARIABLE} is no job: {error}", remedy) from None
    if secrets:
        raise InputError(f"the job of ${VARIABLE} has secrets", remedy)
    return replace(spec, cwd=spec.cwd or str(Path.cwd()))
