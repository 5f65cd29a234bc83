from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import forgery
import pytest
from deploykit.base.errors import InputError, Refused
from deploykit.ledger import Ledger, LedgerError, repository, utc_now
from deploykit.ledger.bodies import decision_body, policy_body, signers_body
from deploykit.ledger.kinds import Body
from deploykit.ledger.records import Record
from deploykit.ledger.view import policy_in_force, signers_in_force
from deploykit.site import Site
from deploykit.site.keys import Key, operator_key
from ledgerbook import Keys, make_key, make_site, other_state, signer

HOLD = decision_body("hold", environment="test", reason="night")


def test_first_use_trusts_the_operator_and_takes_the_sites_policy(site: Site, ann: Key) -> None:
    ledger = Ledger.open(site, ann)
    (genesis,) = ledger.known
    assert genesis.kind == "genesis" and genesis.actor == "ann@here"
    assert signers_in_force(ledger.known) == (signer(ann),)
    policy = policy_in_force(ledger.known)
    assert policy["production"].source == "staging"
    assert set(policy["staging"].checks) == {"smoke", "idempotence", "upgrade", "bootstrap"}


def test_first_use_makes_a_key_that_nobody_else_can_read(site: Site) -> None:
    key = operator_key(site)
    assert key.file.stat().st_mode & 0o777 == 0o600
    assert operator_key(site) == key
    assert Ledger.open(site).key == key


def test_appended_record_is_what_another_operator_reads(site: Site, ledger: Ledger) -> None:
    record = ledger.append(lambda records, now: HOLD)
    assert record.n == 1 and HOLD.fields.items() <= record.body.items()
    other = Ledger.open(other_state(site, "other"), ledger.key)
    assert other.known == ledger.known == ledger.fetch_records()


def test_commit_is_one_record_that_plain_git_verifies(
    site: Site, ledger: Ledger, ann: Key, tmp_path: Path
) -> None:
    ledger.append(lambda records, now: HOLD)
    assert forgery.git(site.ledger, "ls-tree", "-r", "--name-only", "ledger").split() == [
        "records/0/0.json",
        "records/0/1.json",
    ]
    signers = tmp_path / "signers"
    signers.write_text(f"ann@here {ann.public}\n")
    config = ["-c", "gpg.format=ssh", "-c", f"gpg.ssh.allowedSignersFile={signers}"]
    forgery.git(site.ledger, *config, "verify-commit", "ledger", "ledger~1")
    forgery.git(site.ledger, "fsck", "--strict")


def test_refusal_of_the_decider_goes_through_and_writes_nothing(ledger: Ledger) -> None:
    def never(records: tuple[Record, ...], now: datetime) -> Body:
        raise Refused("no")

    with pytest.raises(Refused):
        ledger.append(never)
    assert len(ledger.fetch_records()) == 1


def test_loser_of_a_race_decides_again_with_the_winners_record(
    site: Site, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "TURN", 0.2)  # the other one appends in the turn of the first
    other = Ledger.open(other_state(site, "other"), ledger.key)
    seen: list[int] = []

    def decide(records: tuple[Record, ...], now: datetime) -> Body:
        seen.append(len(records))
        if len(seen) == 1:
            other.append(lambda records, now: HOLD)
        return decision_body("unhold", environment="test")

    assert ledger.append(decide).n == 2
    assert seen == [1, 2]


def test_many_writers_at_once_all_get_through_one_after_another(site: Site, ledger: Ledger) -> None:
    places = [site, site, other_state(site, "b"), other_state(site, "c")]
    errors: list[BaseException] = []

    def work(place: Site) -> None:
        try:
            own = Ledger.open(place, ledger.key)
            for _ in range(3):
                own.append(lambda records, now: HOLD)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(place,)) for place in places]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    records = ledger.reverify()
    assert [record.n for record in records] == list(range(13))


def test_of_two_first_users_of_one_remote_the_second_is_told_the_genesis_to_write(
    tmp_path: Path, keys: Keys
) -> None:
    remote = tmp_path / "shared.git"
    forgery.git(remote, "init", "-q", "--bare")
    site = make_site(tmp_path, str(remote))
    opened: list[Ledger] = []
    refused: list[LedgerError] = []
    sites = {name: other_state(site, name) for name in ("ann", "bob")}

    def work(name: str) -> None:
        place = replace(sites[name], id=name)
        try:
            opened.append(Ledger.open(place, keys(f"{name}@here")))
        except LedgerError as error:
            refused.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("ann", "bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    ((first,), (error,)) = opened, refused
    genesis = first.known[0].commit
    assert "names no genesis" in error.message and genesis in error.remedy
    late = Ledger.open(other_state(site, "late"), first.key)
    assert late.known == first.known


def test_key_that_the_ledger_does_not_know_reads_but_does_not_write(
    site: Site, ledger: Ledger, keys: Keys
) -> None:
    reader = Ledger.open(other_state(site, "eves"), keys("eve@there"))
    assert reader.known == ledger.known
    with pytest.raises(LedgerError) as error:
        reader.append(lambda records, now: HOLD)
    assert "eve@there" in error.value.message
    assert "deploy-kit ledger trust eve@there" in error.value.remedy


def test_new_signer_writes_with_the_name_that_the_ledger_gave(
    site: Site, ledger: Ledger, keys: Keys
) -> None:
    bob = keys("bob@there")
    named = replace(signer(bob), principal="robert@example.org")
    ledger.append(lambda records, now: signers_body((signer(ledger.key), named)))
    other = Ledger.open(other_state(site, "bobs"), bob)
    assert other.append(lambda records, now: HOLD).actor == "robert@example.org"
    assert ledger.fetch_records()[-1].actor == "robert@example.org"


def test_edited_checkout_changes_neither_policy_nor_signers(
    site: Site, ledger: Ledger, ann: Key, keys: Keys
) -> None:
    before = policy_in_force(ledger.known)
    file = site.folder / "environments" / "production.yml"
    file.write_text(file.read_text().partition("promotion:")[0])
    (site.folder / "allowed_signers").write_text(f"eve@there {keys('eve@there').public}\n")
    assert site.environment("production").promotion.checks == {}
    again = Ledger.open(site, ann)
    assert policy_in_force(again.known) == before
    assert signers_in_force(again.known) == (signer(ann),)


def test_policy_record_replaces_the_policy(ledger: Ledger) -> None:
    rule = {"from": None, "checks": {}, "soak": 60, "approvals": {"count": 0, "not": []}}
    ledger.append(lambda records, now: policy_body({"test": rule}))
    assert policy_in_force(ledger.fetch_records())["test"].soak == 60


def test_clock_a_little_behind_writes_at_the_last_records_time(site: Site, ann: Key) -> None:
    now = utc_now()
    ahead = Ledger.open(site, ann, clock=lambda: now)
    ahead.append(lambda records, at: HOLD)
    behind = Ledger.open(site, ann, clock=lambda: now - timedelta(minutes=2))
    assert behind.append(lambda records, at: HOLD).time == now


def test_clock_far_behind_is_told_to_be_set(site: Site, ann: Key) -> None:
    Ledger.open(site, ann)
    behind = Ledger.open(site, ann, clock=lambda: datetime(2020, 1, 1, tzinfo=UTC))
    with pytest.raises(LedgerError, match="clock"):
        behind.append(lambda records, now: HOLD)


def test_persons_own_git_configuration_takes_no_part(
    site: Site, ann: Key, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = tmp_path / "hooks" / "pre-push"
    hook.parent.mkdir()
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    config = tmp_path / "gitconfig"
    config.write_text(
        f"[core]\n\thooksPath = {hook.parent}\n\tautocrlf = true\n[push]\n\tgpgSign = true\n"
        "[commit]\n\tgpgSign = true\n[gpg]\n\tprogram = /bin/false\n[user]\n\tname = Other\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    ledger = Ledger.open(site, ann)
    assert ledger.append(lambda records, now: HOLD).n == 1
    forgery.git(site.ledger, "fsck", "--strict")


def test_unreachable_remote_is_named_without_a_prompt(tmp_path: Path, ann: Key) -> None:
    site = make_site(tmp_path, str(tmp_path / "nowhere.git"))
    with pytest.raises(LedgerError) as error:
        Ledger.open(site, ann)
    assert "nowhere.git" in error.value.message and "site.yml" in error.value.remedy


@pytest.mark.parametrize(
    ("remote", "said"),
    [
        ("https://ann:secret@git.example.org/ledger.git", "holds a password"),
        ("--upload-pack=touch /tmp/x", "no repository"),
        ("ext::sh -c 'touch /tmp/x'", "no repository"),
    ],
)
def test_remote_that_is_no_plain_place_is_refused(
    site: Site, ann: Key, remote: str, said: str
) -> None:
    with pytest.raises(InputError, match=said) as error:
        Ledger.open(replace(site, ledger=remote), ann)
    assert "site.yml" in error.value.message and "secret" not in error.value.message


def test_relative_path_of_a_ledger_is_taken_from_the_site(tmp_path: Path, ann: Key) -> None:
    forgery.git(tmp_path / "shared.git", "init", "-q", "--bare")
    site = make_site(tmp_path, "../shared.git")
    assert len(Ledger.open(site, ann).known) == 1
    assert forgery.count(tmp_path / "shared.git") == 1


def test_remote_that_takes_no_push_is_an_error_and_not_a_loop(site: Site, ledger: Ledger) -> None:
    hook = Path(site.ledger) / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho not today >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(LedgerError) as error:
        ledger.append(lambda records, now: HOLD)
    assert "cannot push" in error.value.message and "not today" in error.value.message


def test_key_with_a_passphrase_is_refused_without_a_prompt(
    site: Site, ledger: Ledger, tmp_path: Path
) -> None:
    import subprocess

    words = ["ssh-keygen", "-q", "-p", "-N", "secret", "-P", "", "-f"]
    key = make_key(tmp_path, "ann@here")
    subprocess.run([*words, str(key.file)], check=True, timeout=20)
    ledger.append(lambda records, now: signers_body((signer(ledger.key), signer(key))))
    with pytest.raises(Exception, match="cannot sign"):
        Ledger.open(other_state(site, "locked"), key).append(lambda records, now: HOLD)
