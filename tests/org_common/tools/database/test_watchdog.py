import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from org_common.tools.database import watchdog
from org_common.tools.database.watchdog import Child, Watchdog

OWNER = """
import os, sys, time
from org_common.tools.database.watchdog import Watchdog

dog = Watchdog(["/bin/sleep"], log=2, env={}, account=None, remove=sys.argv[1])
print(dog.up("60"), flush=True)
time.sleep(60)
"""


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Callable[..., Watchdog]]:
    """Starts a watchdog; what its command says is in `tmp_path / "log"`."""
    started = []

    def start(*command: str, remove: str = "", env: Mapping[str, str] = {}) -> Watchdog:
        with (tmp_path / "log").open("w") as log:
            dog = Watchdog(command, log=log.fileno(), env=env, account=None, remove=remove)
        started.append(dog)
        return dog

    yield start
    for dog in started:
        dog.end()


def alive(pid: int) -> bool:
    """Not for a zombie, which an orphan stays until init looks after it."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def parent(pid: int) -> int:
    """Of a command: its watchdog."""
    return int(Path(f"/proc/{pid}/stat").read_text().split()[3])


def eventually(condition: Callable[[], bool], within_s: float = 5.0) -> bool:
    deadline = time.monotonic() + within_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def test_command_runs_until_down_and_again_after_up(watch: Callable[..., Watchdog]) -> None:
    dog = watch("/bin/sleep")

    first = dog.up("60")
    assert dog.up("60") == first
    assert alive(first)

    dog.down(immediate=False)
    assert not alive(first)

    second = dog.up("60")
    assert second != first
    assert alive(second)


@pytest.mark.parametrize("immediate", [False, True])
def test_down_when_nothing_runs_is_harmless(watch: Callable[..., Watchdog], immediate: bool) -> None:
    watch("/bin/sleep").down(immediate=immediate)


def test_command_which_ended_by_itself_is_noticed(watch: Callable[..., Watchdog]) -> None:
    dog = watch("/bin/sleep")

    first = dog.up("0")

    assert eventually(lambda: not alive(first))
    assert dog.up("60") != first


def test_end_stops_the_command_and_removes_the_folder(watch: Callable[..., Watchdog], tmp_path: Path) -> None:
    (tmp_path / "gone" / "deep").mkdir(parents=True)
    dog = watch("/bin/sleep", remove=str(tmp_path / "gone"))
    pid = dog.up("60")

    dog.end()
    dog.end()

    assert not alive(pid)
    assert not (tmp_path / "gone").exists()


def test_command_gets_the_log_and_nothing_else_of_its_owner(watch: Callable[..., Watchdog], tmp_path: Path) -> None:
    dog = watch("/bin/sh", "-c", "ls -l /proc/self/fd; env", env={"LANG": "C"})

    pid = dog.up()

    assert eventually(lambda: not alive(pid))
    output = (tmp_path / "log").read_text()
    assert output.count(str(tmp_path / "log")) == 2
    assert "pipe:" not in output
    assert "HOME" not in output


def test_unusable_command_is_reported_in_the_log(watch: Callable[..., Watchdog], tmp_path: Path) -> None:
    pid = watch("/no/such").up()

    assert eventually(lambda: not alive(pid))
    assert "/no/such: [Errno 2]" in (tmp_path / "log").read_text()


def test_end_does_not_wait_for_a_forked_child(watch: Callable[..., Watchdog]) -> None:
    dog = watch("/bin/sleep")
    child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(0)
    start = time.monotonic()

    dog.end()

    took_s = time.monotonic() - start
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert took_s < 30


def test_killed_watchdog_is_reported(watch: Callable[..., Watchdog]) -> None:
    dog = watch("/bin/sleep")
    command = dog.up("60")
    os.kill(parent(command), signal.SIGKILL)

    with pytest.raises(BrokenPipeError):
        dog.down(immediate=True)

    os.kill(command, signal.SIGKILL)


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int, int]]:
    """A process with a watchdog; the process ids of the watchdog and of its command."""
    (tmp_path / "gone").mkdir()
    command = [sys.executable, "-c", OWNER, str(tmp_path / "gone")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        pid = int(process.stdout.readline())
        yield process, parent(pid), pid
        process.kill()


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_killed_owner_takes_command_and_folder_along(
    owner: tuple[subprocess.Popen[str], int, int], tmp_path: Path, signum: signal.Signals
) -> None:
    process, dog, pid = owner

    process.send_signal(signum)

    assert eventually(lambda: not alive(pid) and not alive(dog))
    assert not (tmp_path / "gone").exists()


def test_terminated_watchdog_takes_command_and_folder_along(
    owner: tuple[subprocess.Popen[str], int, int], tmp_path: Path
) -> None:
    _, dog, pid = owner

    os.kill(dog, signal.SIGTERM)

    assert eventually(lambda: not alive(pid) and not (tmp_path / "gone").exists())


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGHUP])
def test_watchdog_ignores_the_terminal(owner: tuple[subprocess.Popen[str], int, int], signum: signal.Signals) -> None:
    _, dog, pid = owner

    os.kill(dog, signum)
    time.sleep(0.1)

    assert alive(dog)
    assert alive(pid)
    assert os.getsid(dog) == dog


def test_stubborn_command_gets_harder_signals(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for signum in (signal.SIGINT, signal.SIGQUIT):
        monkeypatch.setitem(watchdog.PATIENCE_S, signum, 0.1)
    script = f"trap '' INT QUIT; echo >'{tmp_path}/ready'; while :; do sleep 1; done"
    child = Child(["/bin/sh", "-c", script], -1, -1)
    before = signal.signal(signal.SIGCHLD, child.reap)
    try:
        child.up([])
        assert eventually((tmp_path / "ready").exists)
        child.down(signal.SIGINT)
    finally:
        signal.signal(signal.SIGCHLD, before)

    assert child.pid == 0
