"""Nothing that the content, day 0 or the images fetch goes unproved."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLACES = ("ansible", "salt", "deploy-kit", "gitshelf/src", "vagrant", "kitchen/lib")
UNPROVED = re.compile(
    r"allow-?unauthenticated|allow-?insecure\w*[ '\"=]|--force-yes|trusted[=:] *(yes|true)"
    r"|skip_verify: *true|no-check-certificate|curl\b[^|;]* ((?-i:-[a-zA-Z]*k)|--insecure) "
    r"|\bverify *= *False"
    r"|StrictHostKeyChecking[= ]*no\b|GIT_SSL_NO_VERIFY|sslVerify=false|CERT_NONE|trusted-host"
    r"|_create_unverified|validate_certs: *(no|false)",
    re.IGNORECASE,
)


def unproved(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if UNPROVED.search(line)]


def test_no_call_of_apt_curl_ssh_git_or_pip_takes_what_it_cannot_prove() -> None:
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--", *PLACES],
        check=True,
        capture_output=True,
        text=True,
        timeout=20,
    )
    names = [ROOT / name for name in listed.stdout.split("\0") if name]
    files = [name for name in names if name.is_file()]  # no links to folders
    assert len(files) > 500
    texts = {file: file.read_text(encoding="utf-8", errors="replace") for file in files}
    told = {str(file.relative_to(ROOT)): unproved(text) for file, text in texts.items()}
    told.pop("deploy-kit/src/deploykit/mirror/sources.py")  # which leaves such sources out
    assert {name: lines for name, lines in told.items() if lines} == {}


def test_words_that_would_take_it_are_known() -> None:
    lines = [
        "apt-get -y --allow-unauthenticated install x",
        'Acquire::AllowInsecureRepositories "true";',
        "deb [trusted=yes] http://x y z",
        "curl -fsSk https://x | sh",
        "curl --insecure https://x",
        "requests.get(url, verify=False)",
        "ssh -o StrictHostKeyChecking=no x",
    ]
    assert unproved("\n".join(lines)) == lines
    assert unproved("curl -fsS https://x\nStrictHostKeyChecking yes\nverify = True") == []
