"""Programs that others wrote, run so that they see what they were given and nothing else.

A sandbox of bubblewrap (bwrap(1)): namespaces of its own for users, mounts, processes, IPC and the
host's name, no capability, an environment of a few words, an empty /tmp and HOME. The network
stays where it is not taken away: most of what runs here talks to nodes. There is no silent way
without it: if bwrap is missing or cannot run that is an error, unless the person has said
DEPLOY_KIT_SANDBOX=off, which is told.
"""

from __future__ import annotations

import functools
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploykit.base.errors import DeployKitError, InputError
from deploykit.base.homes import cache_home, state_home
from deploykit.base.process import Result, Runner, last_line, run

VARIABLE = "DEPLOY_KIT_SANDBOX"
PROGRAM = "bwrap"
PROBE_TIMEOUT = 20.0  # seconds
HOME, SOCKETS = Path("/home/kit"), Path("/tmp/ssh")  # noqa: S108 (both inside)
SYSTEM = Path("/usr")
MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")  # links into /usr, or folders
# Of /etc what programs need to run at all and to verify servers; no private key, no password.
ETC = (
    *("alternatives", "ca-certificates", "debian_version", "hosts", "ld.so.cache", "ld.so.conf"),
    *("ld.so.conf.d", "localtime", "mime.types", "nsswitch.conf", "os-release", "protocols"),
    *("python3", "python3.11", "resolv.conf", "services", "ssl/certs", "ssl/openssl.cnf"),
)
NAMESPACES = (
    *("--unshare-user", "--disable-userns", "--unshare-pid", "--unshare-ipc", "--unshare-uts"),
    *("--unshare-cgroup-try", "--die-with-parent", "--new-session", "--cap-drop", "ALL"),
    *("--hostname", "kit"),
)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What a program is shown.

    `shown`: files and folders, read-only at their own places. `placed`: the same at other places,
    by their place inside. `written`: files outside that it may write, by their place inside; only
    files, as in a folder it could put links in the way of who reads it afterwards. `hidden`:
    folders that are empty inside even if they lie in what is shown. All are whole paths without
    links in them; of two that lie in one another the inner one counts. `network`: whether it has
    this machine's.
    """

    shown: tuple[Path, ...] = ()
    placed: Mapping[Path, Path] = field(default_factory=dict)
    written: Mapping[Path, Path] = field(default_factory=dict)
    hidden: tuple[Path, ...] = ()
    network: bool = True


def run_confined(
    sandbox: Sandbox,
    argv: Sequence[str | Path],
    *,
    timeout: float,
    env: Mapping[str, str],
    cwd: Path | None = None,
    log: Path | None = None,
    on_line: Callable[[str], None] | None = None,
    runner: Runner = run,
) -> Result:
    """Run `argv` in `sandbox` for at most `timeout` seconds; the result tells how it ended.

    Its environment is `env` and a few words more (`environment`); `cwd` is a place inside. When
    it ends, or the time is over, nothing that it started is left.
    Raises DeployKitError if there can be no sandbox, or something to be shown is not there,
    CommandFailed when the time is over.
    """
    demand_sandbox()
    done = runner(
        [PROGRAM, *arguments(sandbox, system_mounts(), cwd), "--", *argv],
        timeout=timeout,
        env=cleaned(os.environ, {**environment(), **env}),
        log=log,
        check=False,
        on_line=on_line,
        title=f"{Path(argv[0]).name}, in its sandbox,",
    )
    if done.returncode != 0 and done.stderr.startswith(f"{PROGRAM}: "):
        raise DeployKitError(
            f"the sandbox could not be made: {last_line(done.stderr)}", "nothing was run in it"
        )
    return done


def is_off(value: str | None = None) -> bool:
    """Whether the person wants no sandbox, by DEPLOY_KIT_SANDBOX (or `value`).

    Raises InputError for a value that is neither `on` nor `off`.
    """
    setting = os.environ.get(VARIABLE, "on") if value is None else value
    if setting not in ("on", "off", ""):
        raise InputError(f"{VARIABLE}={setting!r} means nothing", f"{VARIABLE}=off, or unset it")
    return setting == "off"


@functools.cache
def warn_unconfined() -> None:
    """Say, once, that what a release brings runs as this user and with all that they may read."""
    from deploykit.base.console import stderr  # rich takes its time

    stderr().print(
        f"[bold red]warning:[/bold red] {VARIABLE}=off: the tests and the playbook of the release "
        "run without a sandbox, beside your keys and those of every environment",
        soft_wrap=True,
    )


@functools.cache
def demand_sandbox() -> None:
    """Raise DeployKitError, with what to do, if bubblewrap is missing or cannot run here."""
    problem = sandbox_problem()
    if problem:
        raise DeployKitError(
            f"what a release brings is run in a sandbox only, and {problem}",
            "deploy-kit/setup installs bubblewrap; user namespaces must be allowed: "
            "sysctl kernel.unprivileged_userns_clone user.max_user_namespaces\n"
            f"{VARIABLE}=off runs it without, with all that you may read and write",
        )


def sandbox_problem(path: str | None = None) -> str:
    """Why no sandbox can be made here, in words; '' if one can. `path` in the place of $PATH."""
    program = shutil.which(PROGRAM, path=path)
    if program is None:
        return f"the program {PROGRAM} is missing"
    words = [program, *arguments(Sandbox(), system_mounts(), None), "--", "true"]
    done = run(words, timeout=PROBE_TIMEOUT, env=cleaned(os.environ, environment()), check=False)
    if done.returncode == 0:
        return ""
    return f"{PROGRAM} cannot make one: {last_line(done.stderr) or 'it gave no reason'}"


def environment() -> dict[str, str]:
    """What every program in a sandbox has in its environment; nothing of it is the caller's."""
    programs = Path(sys.executable).parent
    return {
        "HOME": str(HOME),
        "LC_ALL": "C.UTF-8",
        "LOGNAME": "kit",
        "PATH": f"{programs}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TERM": "dumb",
        "USER": "kit",
    }


def cleaned(theirs: Iterable[str], given: Mapping[str, str]) -> dict[str, str | None]:
    """`given`, and None for every other name of `theirs`.

    bwrap itself is started so: the first process inside is its own, and a program could read what
    that one was started with in /proc.
    """
    return {**dict.fromkeys(theirs, None), **given}


def python_folders() -> tuple[Path, ...]:
    """Where this process's Python and its packages are, those below /usr left out.

    By the names that it was started by, too, which may lead there by links.
    """
    named = {Path(prefix) for prefix in (sys.prefix, sys.base_prefix)}
    folders = named | {path.resolve() for path in named}
    return tuple(sorted(folder for folder in folders if not folder.is_relative_to(SYSTEM)))


def private_folders() -> tuple[Path, ...]:
    """What is never to be seen inside, wherever it lies: this user's home, state and cache."""
    return tuple(path.resolve() for path in (Path.home(), state_home(), cache_home()))


def system_mounts() -> list[str]:
    """The words that show this machine's programs: /usr, the folders that lead there, some /etc."""
    words: list[str] = []
    for name in MERGED:
        folder = Path("/", name)
        if folder.is_symlink():
            words += ["--symlink", str(folder.readlink()), str(folder)]
        elif folder.is_dir():
            words += ["--ro-bind", str(folder), str(folder)]
    for name in ETC:
        words += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    return words


def arguments(sandbox: Sandbox, system: Sequence[str], cwd: Path | None) -> list[str]:
    """The options of bwrap for `sandbox`; `system` are those that show the machine's programs."""
    mounts = {path: ["--tmpfs", str(path)] for path in (Path("/tmp"), HOME)}  # noqa: S108
    shown = {path: path for path in (SYSTEM, *sandbox.shown)} | dict(sandbox.placed)
    for path in sandbox.hidden:
        if path not in shown and any(path.is_relative_to(outer) for outer in shown):
            mounts[path] = ["--tmpfs", str(path)]
    mounts |= {inside: ["--ro-bind", str(path), str(inside)] for inside, path in shown.items()}
    mounts |= {
        inside: ["--bind", str(path), str(inside)] for inside, path in sandbox.written.items()
    }
    alone = () if sandbox.network else ("--unshare-net",)
    words = [*NAMESPACES, *alone, *system, "--proc", "/proc", "--dev", "/dev"]
    for inside in sorted(mounts, key=lambda path: path.parts):  # the outer one first
        words += mounts[inside]
    words += ["--perms", "0700", "--dir", str(SOCKETS), "--remount-ro", "/"]
    return [*words, "--chdir", str(cwd or HOME)]
