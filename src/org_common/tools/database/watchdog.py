"""A process which runs one command and ends it when its owner is gone, however the owner ended.

Two halves: `Watchdog` lives in the owner; `main` is the program, run as a file so that it loads
only these few modules (10 MB and 30 ms, 2026-11). Between them lies a pipe: the kernel closes
it when the owner exits, also by SIGKILL, and end of file is the order to clean up.

The command is the program's own child, so its process id cannot pass to a stranger before it has
been waited for, and there is no moment in which the command runs unwatched.
"""

import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence

# A fast shutdown writes a checkpoint first; after a SIGQUIT PostgreSQL kills its own children
# within 5 s (postmaster.c, SIGKILL_CHILDREN_AFTER_SECS).
PATIENCE_S = {signal.SIGINT: 10.0, signal.SIGQUIT: 8.0, signal.SIGKILL: 60.0}
HANDLED = (signal.SIGCHLD, signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


class Watchdog:
    """The owner's end.

    A child forked by the owner inherits the pipe: if it outlives the owner, the command ends with
    that child instead. Other programs the owner starts do not hold it (PEP 446).
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
        """`log` takes the command's output, `account` is the uid and gid it runs as (None: ours).

        `remove` is a folder which goes when the watchdog ends.
        """
        # Here and not above: the program does without it.
        import subprocess

        uid, gid = account or (-1, -1)
        # -I -S: nobody else's modules or settings. Its own session: Ctrl-C in the terminal goes to
        # the owner's process group and must reach neither the watchdog nor the command.
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
        """Process id of the command, started with `arguments` added unless it runs already."""
        return self._ask(" ".join(["up", *arguments]))

    def down(self, *, immediate: bool) -> None:
        """Ends the command (SIGINT, or SIGQUIT if `immediate`, then harder) and waits for it.

        This and `up` raise BrokenPipeError when the watchdog itself was killed.
        """
        self._ask("immediate" if immediate else "fast")

    def end(self) -> None:
        """Ends the command and the watchdog, and removes the folder. The last call."""
        if self._process.returncode is not None:
            return
        try:
            with self._process as process:
                # An order, not only end of file: a forked child may still hold the pipe open.
                print("end", file=process.stdin, flush=True)
        except BrokenPipeError:
            pass  # it was gone

    def _ask(self, order: str) -> int:
        orders, answers = self._process.stdin, self._process.stdout
        print(order, file=orders, flush=True)
        if answers and (answer := answers.readline()):
            return int(answer)
        raise BrokenPipeError(f"the watchdog with process id {self._process.pid} is gone")


class Child:
    """The watched command in the watchdog's process; `pid` is 0 while it does not run."""

    def __init__(self, command: Sequence[str], uid: int, gid: int) -> None:
        self.pid = 0
        self._command = command
        self._uid = uid
        self._gid = gid

    def up(self, arguments: Sequence[str]) -> None:
        if self.pid:
            return
        # Signals wait until both sides are ready for them: `pid` set, our handlers gone.
        signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
        self.pid = os.fork()
        if self.pid == 0:
            self._become([*self._command, *arguments])
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)

    def down(self, first: signal.Signals) -> None:
        """Sends `first` and, each time patience runs out, the next harder signal."""
        harder = list(PATIENCE_S)
        for signum in harder[harder.index(first) :]:
            deadline = time.monotonic() + PATIENCE_S[signum]
            if self.pid:
                os.kill(self.pid, signum)
            while self.pid and time.monotonic() < deadline:
                time.sleep(0.005)

    def reap(self, *_: object) -> None:
        if self.pid and os.waitpid(self.pid, os.WNOHANG)[0]:
            self.pid = 0

    def _become(self, command: list[str]) -> None:
        try:
            for signum in HANDLED:
                signal.signal(signum, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
            # Not the owner's pipe: who reads it to its end would wait for the command as well.
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
    """Takes orders, one a line, until `end` or the end of the pipe."""
    uid, gid, remove, *command = sys.argv[1:]
    child = Child(command, int(uid), int(gid))
    signal.signal(signal.SIGCHLD, child.reap)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    # A handler, not SIG_IGN, which the command would inherit.
    for signum in (signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, lambda *_: None)
    try:
        _obey(child)
    finally:
        signal.signal(signal.SIGTERM, lambda *_: None)  # a second one must not cut this short
        # What is about to be removed needs no checkpoint.
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
    """Insists for a while: an owner killed in mid-set-up leaves a program which still writes."""
    import shutil

    for _ in range(50):
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.lexists(folder):
            return
        time.sleep(0.1)


if __name__ == "__main__":
    main()
