"""A real Gerrit for tests: its jars by Maven with locked checksums, its daemon on loopback ports.

Maven Central has Gerrit in parts only, without its browser pages; everything else is there (REST,
SSH, git, events). `jars` takes them into the cache once, `running` starts a server of its own in a
folder. Accounts become anybody by a development login: never for anything but tests.
"""

from __future__ import annotations

import base64
import contextlib
import http.cookiejar
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mavenjars
from deploykit.base.filelock import locked

LOCK = Path(__file__).with_suffix(".lock")
ADMIN = 1000000  # the account that `Init --dev` makes
STARTS = 400.0  # seconds; 11 where nothing else runs
STOPS = 60.0  # seconds
# `java FILE.java` compiles it in memory. The programs of Gerrit have no static main.
LAUNCHER = """
public class Launch {
    public static void main(String[] words) throws Exception {
        Object program = Class.forName("com.google.gerrit.pgm." + words[0])
            .getDeclaredConstructor().newInstance();
        String[] rest = java.util.Arrays.copyOfRange(words, 1, words.length);
        System.exit((Integer) program.getClass().getMethod("main", String[].class)
            .invoke(program, (Object) rest));
    }
}
"""
# What a project of a team with a gate has: who reviews, who asks for the merge, what the gate says.
LABELS = """
[label "Verified"]
    function = NoBlock
    defaultValue = 0
    value = -1 Fails
    value = 0 No score
    value = +1 Passes
[label "Workflow"]
    function = NoBlock
    defaultValue = 0
    value = -1 Work in progress
    value = 0 Ready for review
    value = +1 Approved
[submit-requirement "Verified"]
    submittableIf = label:Verified=MAX AND -label:Verified=MIN
[submit-requirement "Workflow"]
    submittableIf = label:Workflow=MAX AND -label:Workflow=MIN
"""
RIGHTS = """
[access "refs/heads/*"]
    label-Code-Review = -2..+2 group Registered Users
    label-Workflow = -1..+1 group Registered Users
    label-Verified = -1..+1 group Administrators
    submit = group Administrators
    abandon = group Registered Users
"""


class Broken(Exception):
    """The server could not be had; the message says why and where its log is."""


def jars() -> Path:
    """The folder with exactly the jars of the lock, from the cache or by Maven.

    Raises Broken where Maven or Java are missing, or a jar is another one.
    """
    if shutil.which("javac") is None:  # which compiles the launcher
        raise Broken("there is no javac: deploy-kit/setup --tests installs it")
    try:
        return mavenjars.jars(LOCK)
    except RuntimeError as error:
        raise Broken(str(error)) from None


@dataclass(frozen=True)
class Account:
    """Somebody at the server: their name, key of SSH and password of HTTP."""

    name: str
    key: Path
    password: str


@dataclass
class Gerrit:
    """A server that runs: addresses, and what an administrator does."""

    folder: Path
    port: int
    ssh_port: int
    process: subprocess.Popen[bytes] | None = None
    accounts: dict[str, Account] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the daemon on the ports it has; returns once it answers. Raises Broken."""
        # So that it goes with a test run that is killed, too.
        with_us = ["setpriv", "--pdeathsig", "KILL", "--"]
        self.process = subprocess.Popen(
            with_us + _java("Daemon", "--console-log", "-d", str(self.folder)),
            stdout=subprocess.DEVNULL,
            stderr=(self.folder / "logs/console").open("ab"),
            start_new_session=True,
        )
        until = time.monotonic() + STARTS
        while time.monotonic() < until:
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.url}/config/server/version", timeout=5):
                    return
            except OSError:
                time.sleep(0.2)
        self.stop()
        log = (self.folder / "logs/console").read_text(errors="replace")
        raise Broken(f"Gerrit does not answer: {log[-3000:]}")

    def stop(self) -> None:
        """End the daemon as its service does: one that is killed loses what it had yet to index."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOPS)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process = None

    def call(self, method: str, path: str, body: Any = None, account: str = "admin") -> Any:
        """What the REST interface answers to an account. Raises Broken for a refusal."""
        who = self.accounts[account]
        token = base64.b64encode(f"{who.name}:{who.password}".encode()).decode()
        headers = {"Authorization": f"Basic {token}"}
        return _http(method, f"{self.url}/a{path}", body, headers)

    def account(self, name: str, *, groups: Sequence[str] = ()) -> Account:
        """Make an account with a key and a password of its own."""
        key = _key(self.folder / "keys", name)
        entry = {
            "name": name,
            "email": f"{name}@example.org",
            "ssh_key": key.with_suffix(".pub").read_text(encoding="utf-8"),
            "http_password": f"pass-{name}",
            "groups": list(groups),
        }
        self.call("PUT", f"/accounts/{name}", entry)
        self.accounts[name] = Account(name, key, f"pass-{name}")
        return self.accounts[name]

    def project(self, name: str, files: dict[str, str] | None = None) -> None:
        """Make a project whose `master` has these files."""
        self.call("PUT", f"/projects/{quoted(name)}", {"create_empty_commit": True})
        if files:
            clone = self.clone(
                name, "admin", self.folder / "tmp" / f"first-{name.replace('/', '-')}"
            )
            for path, text in files.items():
                (clone / path).parent.mkdir(parents=True, exist_ok=True)
                (clone / path).write_text(text, encoding="utf-8")
            git(clone, "add", "--all")
            git(clone, "commit", "--quiet", "-m", "First")
            git(clone, "push", "--quiet", "origin", "HEAD:refs/heads/master", env=self.ssh("admin"))

    def clone(self, project: str, account: str, folder: Path) -> Path:
        """A clone over SSH in which `account` works."""
        address = f"ssh://{account}@127.0.0.1:{self.ssh_port}/{project}"
        shutil.rmtree(folder, ignore_errors=True)
        git(folder.parent, "clone", "--quiet", address, str(folder), env=self.ssh(account))
        git(folder, "config", "user.name", account)
        git(folder, "config", "user.email", f"{account}@example.org" if account != "admin"
            else "admin@example.com")  # fmt: skip
        return folder

    def ssh(self, account: str) -> dict[str, str]:
        """The environment in which git and git-review log in as `account`."""
        key = self.accounts[account].key
        words = f"ssh -i {key} -o IdentitiesOnly=yes -o UserKnownHostsFile={self.known_hosts}"
        return {"GIT_SSH_COMMAND": f"{words} -o BatchMode=yes -o StrictHostKeyChecking=yes -F none"}

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Gerrit]:
    """A server with its own site in `folder`, with the labels and rights of a gate's projects."""
    server = _site(folder)
    server.start()
    try:
        _first_login(server)
        _host_keys(server)
        _rights(server)
        yield server
    finally:
        server.stop()


def _site(folder: Path) -> Gerrit:
    """A new site: a copy of one that was made once."""
    template = jars().with_name(f"{jars().name}-site")
    with locked(template.with_suffix(".lock"), 300):
        if not template.is_dir():
            aside = template.with_suffix(".new")
            shutil.rmtree(aside, ignore_errors=True)
            words = _java("Init", "--batch", "--no-auto-start", "--dev", "-d", str(aside))
            done = subprocess.run(words, capture_output=True, text=True, timeout=300)
            if done.returncode:
                raise Broken(f"Gerrit makes no site: {done.stdout[-2000:]}{done.stderr[-2000:]}")
            aside.rename(template)
    shutil.copytree(template, folder, symlinks=True)
    port, ssh_port = _free_ports(2)
    config = str(folder / "etc/gerrit.config")
    for name, value in {
        "httpd.listenUrl": f"http://127.0.0.1:{port}/",
        "gerrit.canonicalWebUrl": f"http://127.0.0.1:{port}/",
        "sshd.listenAddress": f"127.0.0.1:{ssh_port}",
        "sendemail.enable": "false",
        "container.heapLimit": "400m",
        "change.submitWholeTopic": "false",
    }.items():
        git(folder, "config", "--file", config, name, value)
    return Gerrit(folder, port, ssh_port)


def _first_login(server: Gerrit) -> None:
    """Give the administrator a password and a key, by the development login."""
    jar = http.cookiejar.CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    with contextlib.suppress(urllib.error.HTTPError):  # there is no page behind it
        opener.open(f"{server.url}/login/?account_id={ADMIN}", timeout=30)
    token = next(cookie.value for cookie in jar if cookie.name == "XSRF_TOKEN")
    headers = {"X-Gerrit-Auth": str(token)}
    own = f"{server.url}/accounts/self"
    password = _http("PUT", f"{own}/password.http", {"generate": True}, headers, opener)
    key = _key(server.folder / "keys", "admin")
    public = key.with_suffix(".pub").read_text(encoding="utf-8")
    _http("POST", f"{own}/sshkeys", public, headers, opener)
    server.accounts["admin"] = Account("admin", key, str(password))


def _host_keys(server: Gerrit) -> None:
    lines = []
    for file in (server.folder / "etc").glob("ssh_host_*_key.pub"):
        kind, text = file.read_text(encoding="utf-8").split()[:2]
        lines.append(f"[127.0.0.1]:{server.ssh_port} {kind} {text}\n")
    server.known_hosts.write_text("".join(lines), encoding="utf-8")


def _rights(server: Gerrit) -> None:
    """Write labels and rights into the project that all others inherit from."""
    clone = server.clone("All-Projects", "admin", server.folder / "tmp/rights")
    env = server.ssh("admin")
    git(clone, "fetch", "--quiet", "origin", "refs/meta/config", env=env)
    git(clone, "checkout", "--quiet", "FETCH_HEAD")
    config = clone / "project.config"
    config.write_text(config.read_text(encoding="utf-8") + LABELS + RIGHTS, encoding="utf-8")
    git(clone, "commit", "--quiet", "--all", "-m", "Labels and rights of a gate")
    git(clone, "push", "--quiet", "origin", "HEAD:refs/meta/config", env=env)


def quoted(text: str) -> str:
    return urllib.parse.quote(text, safe="")


def git(folder: Path, *words: str, env: dict[str, str] | None = None) -> str:
    """Run git in `folder`; returns what it printed. Raises Broken."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["git", "-C", str(folder), *words],
        env={**os.environ, "GIT_TERMINAL_PROMPT": "0", **(env or {})},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    if done.returncode:
        raise Broken(f"git {' '.join(words)}: {done.stderr}{done.stdout}")
    return done.stdout


def _java(program: str, *words: str) -> list[str]:
    launcher = jars() / "Launch.java"
    if not launcher.exists():
        launcher.write_text(LAUNCHER, encoding="utf-8")
    java = ["java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
    return [*java, "-cp", f"{jars()}/*", str(launcher), program, *words]


def _key(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(file)]
    subprocess.run(words, check=True, timeout=30)
    return file


def _http(method: str, url: str, body: Any, headers: dict[str, str], opener: Any = None) -> Any:
    plain = isinstance(body, str)
    data = None if body is None else (body if plain else json.dumps(body)).encode()
    kind = "text/plain" if plain else "application/json"
    request = urllib.request.Request(url, data, {**headers, "Content-Type": kind}, method=method)
    try:
        with (opener.open if opener else urllib.request.urlopen)(request, timeout=60) as answer:
            text = answer.read().decode()
    except urllib.error.HTTPError as error:
        raise Broken(f"{method} {url}: {error.code} {error.read().decode()}") from None
    return json.loads(text.removeprefix(")]}'")) if text.startswith(")]}'") else text


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for listener in sockets:
            listener.bind(("127.0.0.1", 0))
        return [int(listener.getsockname()[1]) for listener in sockets]
