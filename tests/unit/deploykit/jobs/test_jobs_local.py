"""Jobs as real processes of this machine: how they end, and who finds them again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from deploykit.base import times
from deploykit.base.errors import DeployKitError, InputError
from deploykit.jobs import Phase, Result
from deploykit.jobs.local import LocalExecutor
from jobbing import begun, ended, job, living, unheard_of
from smalldisk import small_disk

GIB = 2**30
ESCAPES = {
    "a child": "sleep {0} & ",
    "a session of its own": "setsid sleep {0} & ",
    "an orphan": "(setsid sh -c 'sleep {0} & sleep 0.1' &) ; ",
    "one that hears no signal": "sh -c \"trap '' TERM HUP INT; sleep {0}; sleep {0}\" & ",
    "one without environment": "(setsid env -i sleep {0} &) ; ",
}


@pytest.fixture(params=["cgroup", "walk"])
def executor(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> LocalExecutor:
    """With a cgroup for each job where this machine gives one, and without."""
    if request.param == "walk":
        monkeypatch.setenv("DEPLOY_KIT_JOBS_CGROUPS", "no")
    return LocalExecutor(tmp_path / "jobs", least_free=0)


@pytest.fixture
def plain(tmp_path: Path) -> LocalExecutor:
    return LocalExecutor(tmp_path / "jobs", least_free=0)


@pytest.mark.parametrize(
    ("script", "result", "summary"),
    [
        ("echo done", Result.PASSED, "exit status 0"),
        ("exit 3", Result.FAILED, "exit status 3"),
        ("kill -9 $$", Result.FAILED, "ended by SIGKILL"),
    ],
)
def test_job_that_ends_by_itself_has_its_status_as_result(
    plain: LocalExecutor, script: str, result: Result, summary: str
) -> None:
    plain.start(job("one", script))
    state = ended(plain, "one")
    assert (state.result, state.summary, state.item) == (result, summary, "c1")
    assert state.began and state.ended and state.requested <= state.began <= state.ended
    assert state.is_verdict
    assert Path(state.log).read_text() == plain.log_text("one")


def test_program_that_is_not_there_is_told_and_says_nothing_of_the_change(
    plain: LocalExecutor,
) -> None:
    plain.start(job("one", "", argv=("no-such-program",), cwd="/tmp"))
    state = ended(plain, "one")
    assert (state.result, state.is_verdict) == (Result.BROKEN, False)
    assert state.summary == "cannot start no-such-program in /tmp: No such file or directory"


def test_secrets_reach_the_job_and_neither_its_log_nor_the_disk(
    plain: LocalExecutor, tmp_path: Path
) -> None:
    script = 'echo "it is $TOKEN"; printf hun; printf ter22'
    plain.start(job("one", script, secrets={"TOKEN": "hunter22"}))
    assert ended(plain, "one").result is Result.PASSED
    assert "it is ***\n***" in plain.log_text("one")
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(files) > 4
    assert not [file for file in files if b"hunter22" in file.read_bytes()]


def test_log_is_readable_by_nobody_else_and_moves_no_cursor(plain: LocalExecutor) -> None:
    plain.start(job("one", "printf 'a\\033[2Jb\\n'"))
    state = ended(plain, "one")
    assert "a\N{REPLACEMENT CHARACTER}[2Jb" in plain.log_text("one")
    for file in (Path(state.log), Path(state.log).parent):
        assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("way", ESCAPES)
@pytest.mark.parametrize("end", ["timeout", "cancel", "passes"])
def test_nothing_of_a_job_runs_on_when_it_is_over(
    executor: LocalExecutor, way: str, end: str
) -> None:
    number = unheard_of()
    script = ESCAPES[way].format(number) + "sleep 0.3; echo begun; "
    script += "exit 0" if end == "passes" else f"sleep {number}"
    executor.start(job("one", script, timeout=2 if end == "timeout" else 60, grace=0.2))
    begun(executor, "one")
    if end == "cancel":
        assert living(number)
        executor.cancel("one")
        assert not living(number), "cancel returned before"
    state = ended(executor, "one")
    results = {"timeout": Result.TIMED_OUT, "cancel": Result.CANCELLED, "passes": Result.PASSED}
    assert state.result is results[end]
    assert not living(number)


def test_job_that_forks_without_end_is_ended(executor: LocalExecutor) -> None:
    number = unheard_of()
    script = f"n=0; while [ $n -lt 400 ]; do n=$((n+1)); setsid sleep {number} & done; "
    script += f"echo begun; while :; do setsid sh -c 'sleep {number}' & sleep 0.01; done"
    executor.start(job("one", script, grace=0))
    begun(executor, "one")
    executor.cancel("one")
    assert not living(number)


def test_job_may_tidy_up_before_it_is_ended(plain: LocalExecutor) -> None:
    script = "trap 'echo tidied; exit 1' TERM; echo begun; while :; do sleep 0.05; done"
    plain.start(job("one", script, grace=10))
    begun(plain, "one")
    plain.cancel("one")
    assert plain.poll("one").result is Result.CANCELLED
    assert "tidied" in plain.log_text("one")


@pytest.mark.parametrize("last", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_job_outlives_its_caller_and_is_found_again(
    plain: LocalExecutor, tmp_path: Path, last: signal.Signals
) -> None:
    program = (
        "import sys, time, pathlib; from deploykit.jobs import JobSpec;"
        "from deploykit.jobs.local import LocalExecutor;"
        "LocalExecutor(pathlib.Path(sys.argv[1]), 0).start(JobSpec(id='one', item='c1',"
        "argv=('sh', '-c', 'echo begun; sleep 1; echo the end'), cwd='/'));"
        "print('started', flush=True); time.sleep(60)"
    )
    caller = subprocess.Popen(
        [sys.executable, "-c", program, tmp_path / "jobs"],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert caller.stdout and caller.stdout.readline() == b"started\n"
    os.killpg(caller.pid, last)
    caller.wait(60)
    again = LocalExecutor(tmp_path / "jobs", 0)
    assert [one.id for one in again.jobs()] == ["one"]
    assert ended(again, "one").result is Result.PASSED
    assert "the end" in again.log_text("one")


def test_job_whose_supervisor_was_killed_is_lost_and_leaves_nothing(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    number = unheard_of()
    executor.start(job("one", f"(setsid sleep {number} &); echo begun; sleep {number}"))
    begun(executor, "one")
    held = json.loads((tmp_path / "jobs/one/state.json").read_text())
    os.kill(held["supervisor"]["pid"], signal.SIGKILL)
    state = ended(executor, "one")
    assert (state.result, state.is_verdict) == (Result.LOST, False)
    assert not living(number)


def test_job_that_ran_when_the_machine_was_booted_is_lost(
    plain: LocalExecutor, tmp_path: Path
) -> None:
    plain.start(job("one", "echo begun; sleep 60"))
    begun(plain, "one")
    file = tmp_path / "jobs/one/state.json"
    held = json.loads(file.read_text())
    plain.cancel("one")
    ended(plain, "one")  # its supervisor writes nothing any more
    (tmp_path / "jobs/one/cancel").unlink(missing_ok=True)
    held["supervisor"] |= {"started": "another-boot:17", "pid": os.getpid()}
    file.write_text(json.dumps(held))
    assert ended(plain, "one").result is Result.LOST


def test_same_spec_again_is_the_same_job_and_another_is_refused(plain: LocalExecutor) -> None:
    for _ in range(2):
        assert plain.start(job("one", "echo ran")) == "one"
    ended(plain, "one")
    plain.start(job("one", "echo ran"))
    assert plain.log_text("one").count("ran\n") == 1
    with pytest.raises(InputError, match="'one' was started before, with another command"):
        plain.start(job("one", "echo other"))


def test_start_that_was_killed_half_way_is_made_good_by_the_same_call(
    plain: LocalExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(LocalExecutor, "_supervise", lambda *words: None)
        plain.start(job("one", "echo ran"))
    assert plain.poll("one").phase is Phase.WAITING
    plain.start(job("one", "echo ran"))
    assert ended(plain, "one").result is Result.PASSED


def test_job_runs_though_its_caller_died_before_it_heard_so(
    plain: LocalExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(LocalExecutor, "_supervise", lambda *words: None)
        plain.start(job("one", "echo ran"))
    reading, writing = os.pipe()
    os.close(reading)
    argv = [sys.executable, "-m", "deploykit.jobs.supervisor", str(tmp_path / "jobs/one")]
    subprocess.run(argv, input=b"{}", stdout=writing, timeout=60, check=True)
    os.close(writing)
    assert plain.poll("one").result is Result.PASSED


def test_job_that_was_never_begun_can_be_cancelled(
    plain: LocalExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(LocalExecutor, "_supervise", lambda *words: None)
        plain.start(job("one", "echo ran"))
    plain.cancel("one")
    assert plain.poll("one").result is Result.CANCELLED
    plain.start(job("one", "echo ran"))
    time.sleep(0.3)
    assert plain.log_text("one") == ""


def test_jobs_wait_for_room_in_the_order_of_their_start(plain: LocalExecutor) -> None:
    huge = 64 * 1024 * GIB
    plain.start(job("first", "echo begun; sleep 60"))
    begun(plain, "first")
    plain.start(job("second", "echo begun; sleep 0.2", memory=huge))
    plain.start(job("third", "true", memory=0))
    time.sleep(1)
    assert [plain.poll(id).phase for id in ("second", "third")] == [Phase.WAITING] * 2
    plain.cancel("first")
    last = [ended(plain, id) for id in ("second", "third")]
    assert [one.result for one in last] == [Result.PASSED] * 2
    assert last[1].began and last[0].ended and last[1].began >= last[0].ended - timedelta(seconds=1)


def test_job_that_waits_can_be_cancelled(plain: LocalExecutor) -> None:
    plain.start(job("first", "echo begun; sleep 60"))
    begun(plain, "first")
    plain.start(job("second", "echo ran", memory=64 * 1024 * GIB))
    plain.cancel("second")
    assert plain.poll("second").result is Result.CANCELLED
    assert plain.poll("first").phase is Phase.RUNNING
    plain.cancel("first")


def test_unknown_job_is_told(plain: LocalExecutor) -> None:
    for ask in (plain.poll, plain.cancel, plain.log_text):
        for id in ("none", "../jobs", "live"):
            with pytest.raises(InputError, match="there is no job"):
                ask(id)


def test_damaged_state_is_told_with_its_file(plain: LocalExecutor, tmp_path: Path) -> None:
    plain.start(job("one", "true"))
    ended(plain, "one")
    (tmp_path / "jobs/one/state.json").write_text('{"id": ')
    with pytest.raises(DeployKitError, match=r"one/state\.json cannot be read"):
        plain.poll("one")


def test_old_jobs_are_forgotten_and_running_ones_are_not(plain: LocalExecutor) -> None:
    plain.start(job("old", "true"))
    ended(plain, "old")
    plain.start(job("new", "echo begun; sleep 60"))
    begun(plain, "new")
    assert plain.forget(times.utc_now() + timedelta(hours=1)) == 1
    assert [one.id for one in plain.jobs()] == ["new"]
    plain.cancel("new")


def test_log_longer_than_is_kept_has_its_beginning_and_its_end(plain: LocalExecutor) -> None:
    line = "x" * 999
    script = f"echo first; yes {line} | head -n 80000; echo last"
    plain.start(job("one", script))
    ended(plain, "one", 60)
    text = plain.log_text("one")
    assert len(text) < 66 * 2**20
    assert text.startswith("first\n")
    assert "bytes were left out here]" in text
    assert text.endswith("last\n[passed: exit status 0]\n")


def test_full_disk_ends_the_job_and_is_told(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "1m") as disk:
        executor = LocalExecutor(disk / "jobs", least_free=0)
        number = unheard_of()
        executor.start(job("one", f"(setsid sleep {number} &); yes 'a line of text'; sleep 60"))
        state = ended(executor, "one")
        assert (state.result, state.is_verdict) == (Result.BROKEN, False)
        assert "No space left on device" in state.summary
        assert not living(number)
        with pytest.raises(DeployKitError, match="No space left on device"):
            executor.start(job("two", "true"))
        assert [one.id for one in executor.jobs()] == ["one"]


def test_job_is_refused_where_the_disk_has_not_the_least(tmp_path: Path) -> None:
    with (
        small_disk(tmp_path / "disk", "1m") as disk,
        pytest.raises(DeployKitError, match=r"MiB are free at .*: no job begins there"),
    ):
        LocalExecutor(disk / "jobs").start(job("one", "true"))
