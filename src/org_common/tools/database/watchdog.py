"""A process that runs one command, and ends it when its owner exits for any reason.

There are two halves. `Watchdog` lives in the owner; `main` is the watchdog program, run as a file so that it loads only
these few modules (10 MB and 30 ms, 2026-11). A pipe connects them: the kernel closes it when the owner exits, also
after SIGKILL, and end of file makes the watchdog clean up.

The command is a child of the watchdog. Its process id therefore cannot be reused before the watchdog has waited for it,
and the command never runs unwatched.
"""

import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence

# A fast shutdown (SIGINT) writes a checkpoint first. After SIGQUIT, PostgreSQL kills its children within 5 s
# (postmaster.c, SIGKILL_CHILDREN_AFTER_SECS).
PATIENCE_S = {signal.SIGINT: 10.0, signal.SIGQUIT: 8.0, signal.SIGKILL: 60.0}
HANDLED = (signal.SIGCHLD, signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


class Watchdog:
    """The owner's side.

    A child that the owner forks inherits the pipe: if it outlives the owner, the command ends with that child instead.
    Programs that the owner starts do not inherit it (PEP 446).
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: int,
        env: Mapping[str, str],
        account: tuple[int, int] | None,
        remove: str = "",
    ) -> None:
        """Start the watchdog, without the command yet.

        `log` is a file descriptor for the command's output, `account` the uid and gid that it runs as (None for ours),
        `remove` a folder to remove when the watchdog ends.
        """
        # Imported here because the watchdog program does not need it.
        import subprocess

        uid, gid = account or (-1, -1)
        # -I -S: no modules or settings from the environment. A session of its own: Ctrl-C in the terminal signals the
        # owner's process group and must not reach the watchdog or the command.
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, str(uid), str(gid), remove, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd="/",
            env=env,
            start_new_session=True,
            text=True,
        )

    def up(self, *arguments: str) -> int:
        """Start the command with `arguments` appended, unless it is running. Returns its process id."""
        return self._ask(" ".join(["up", *arguments]))

    def down(self, *, immediate: bool) -> None:
        """Stop the command and wait for it, with SIGINT, or SIGQUIT if `immediate`, then with harder signals.

        This and `up` raise BrokenPipeError if the watchdog was killed.
        """
        self._ask("immediate" if immediate else "fast")

    def end(self) -> None:
        """Stop the command and the watchdog, and remove the folder. No other call may follow."""
        if self._process.returncode is not None:
            return
        try:
            with self._process as process:
                # An explicit order as well as end of file: a forked child may still hold the pipe open.
                print("end", file=process.stdin, flush=True)
        except BrokenPipeError:
            pass  # it has already exited

    def _ask(self, order: str) -> int:
        print(order, file=self._process.stdin, flush=True)
        replies = self._process.stdout
        if replies and (reply := replies.readline()):
            return int(reply)
        raise BrokenPipeError(f"the watchdog with process id {self._process.pid} has exited")


class Child:
    """The command, seen from the watchdog's process. `pid` is 0 while it is not running."""

    def __init__(self, command: Sequence[str], uid: int, gid: int) -> None:
        self.pid: int = 0
        self._command = command
        self._uid = uid
        self._gid = gid

    def up(self, arguments: Sequence[str]) -> None:
        """Start the command unless it is running."""
        if self.pid:
            return
        # Block signals until both processes are ready: `pid` is set here, our handlers are removed in the child.
        signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
        self.pid = os.fork()
        if self.pid == 0:
            self._become([*self._command, *arguments])
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)

    def down(self, first: signal.Signals) -> None:
        """Send `first` and, each time its patience runs out, the next harder signal."""
        harder = list(PATIENCE_S)
        for signum in harder[harder.index(first) :]:
            deadline = time.monotonic() + PATIENCE_S[signum]
            if self.pid:
                os.kill(self.pid, signum)
            while self.pid and time.monotonic() < deadline:
                time.sleep(0.005)

    def reap(self, *_: object) -> None:
        """Clear `pid` if the command has exited. The handler of SIGCHLD."""
        if self.pid and os.waitpid(self.pid, os.WNOHANG)[0]:
            self.pid = 0

    def _become(self, command: list[str]) -> None:
        try:
            for signum in HANDLED:
                signal.signal(signum, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
            # Close the owner's pipe here: reading it to the end would otherwise wait for the command as well.
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(2, 1)
            if self._uid >= 0:
                os.setgroups([])
                os.setgid(self._gid)
                os.setuid(self._uid)
            os.execv(command[0], command)
        except OSError as error:
            print(f"{command[0]}: {error}", file=sys.stderr, flush=True)
        finally:
            os._exit(127)


def main() -> None:
    """Execute orders, one per line, until `end` or the end of the pipe."""
    uid, gid, remove, *command = sys.argv[1:]
    child = Child(command, int(uid), int(gid))
    signal.signal(signal.SIGCHLD, child.reap)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    # A handler instead of SIG_IGN, which the command would inherit.
    for signum in (signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, lambda *_: None)
    try:
        _obey(child)
    finally:
        signal.signal(signal.SIGTERM, lambda *_: None)  # a second SIGTERM must not interrupt the cleanup
        # Data that is about to be removed needs no checkpoint.
        child.down(signal.SIGQUIT if remove else signal.SIGINT)
        if remove:
            _remove(remove)


def _obey(child: Child) -> None:
    for line in sys.stdin:
        order, *arguments = line.split()
        if order == "end":
            return
        if order == "up":
            child.up(arguments)
        else:
            child.down(signal.SIGINT if order == "fast" else signal.SIGQUIT)
        print(child.pid, flush=True)


def _remove(folder: str) -> None:
    """Retry for a while: if the owner was killed during setup, a program may still be writing."""
    import shutil

    for _ in range(50):
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.lexists(folder):
            return
        time.sleep(0.1)


if __name__ == "__main__":
    main()
