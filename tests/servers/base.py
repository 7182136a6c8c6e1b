"""A server that a test starts, breaks and stops."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, TypeVar

__all__ = ["Database", "MissingServerError", "Server"]

Itself = TypeVar("Itself", bound="Server")
_START = 60.0  # seconds, also for stopping; far more than it takes, but machines are busy
_ROOM = 2 << 30  # bytes that memory must have free for the data to be kept there
# A server dies with the thread that spawned it (setpriv), so all are spawned by one that lives as long as the process.
_SPAWNER = ThreadPoolExecutor(1)


class MissingServerError(Exception):
    """A program is not installed; the message names the Debian package."""


@dataclass(frozen=True)
class Database:
    """A database of a server.

    Attributes:
        name: Its name.
        admin_url: As a role that may do everything; the password is in the URL.
        reader_url: As a role that may connect and select, and no more.
    """

    name: str
    admin_url: str
    reader_url: str


class Server(ABC):
    """One server process; as a context manager it runs inside the block, and its folder is removed at the end.

    It dies with the process that started it, however that ends, and its folder is removed then, too.

    Args:
        root: Where its folder is made; None for memory where there is room, else the usual place.

    Raises:
        MissingServerError: It is not installed.

    Attributes:
        server: Path of its program.
        folder: Data, log and whatever else it writes.
        port: On 127.0.0.1; the same after a restart.
        password: Of the role that may do everything.
    """

    package: ClassVar[str]
    serves: ClassVar[str]  # the program
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    kill_signal: ClassVar[signal.Signals] = signal.SIGKILL

    def __init__(self, root: Path | None = None) -> None:
        self.server = self.program(self.serves)
        self.folder = Path(tempfile.mkdtemp(prefix=f"ctxprune-{self.package}-", dir=root or _root()))
        remover = 'read done || sleep 1; rm -rf -- "$1"'  # without a line, the server is still dying
        self._remover = subprocess.Popen(
            ["sh", "-c", remover, "sh", str(self.folder)], stdin=subprocess.PIPE, start_new_session=True
        )
        self.port = _free_port()
        self.password = "admin-s3cret"
        self._process: subprocess.Popen[bytes] | None = None
        if os.getuid() == 0:
            os.chown(self.folder, *_unprivileged())

    def __enter__(self: Itself) -> Itself:
        try:
            self.prepare()
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Of the running server."""
        if self._process is None:
            raise RuntimeError(f"{self.package} does not run")
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers; nothing where it runs."""
        if self._process is not None and self._process.poll() is None:
            return
        self._process = _SPAWNER.submit(self._spawn).result()
        end = time.monotonic() + _START
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{self.package} does not start: {self._log().read_text()[-2000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Shut it down in order; nothing where it does not run."""
        self._end(self.stop_signal)

    def kill(self) -> None:
        """End it as a crash would."""
        self._end(self.kill_signal)

    def restart(self) -> None:
        """Stop it in order and start it again, on the same port with the same data."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop it and remove its folder."""
        self.stop()
        self._remover.communicate(b"done\n")

    @abstractmethod
    def prepare(self) -> None:
        """Make what the first start needs."""

    @abstractmethod
    def command(self) -> list[str]:
        """The command that serves in the foreground."""

    @abstractmethod
    def ping(self) -> None:
        """Return once it answers; raise anything where it does not."""

    def _answers(self) -> bool:
        try:
            self.ping()
        except Exception:  # noqa: BLE001 - every client library has errors of its own
            return False
        return True

    def program(self, name: str) -> str:
        """Path of an installed program."""
        found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
        if found is None:
            raise MissingServerError(f"{name} is not installed; on Debian: apt-get install {self.package}")
        return found

    def run(self, *command: str) -> None:
        """Run a program to its end as the user that serves."""
        done = subprocess.run(
            [*self._as_user(), *command], cwd=self.folder, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{command[0]}: {done.stdout[-1000:]}{done.stderr[-1000:]}")

    def _as_user(self) -> list[str]:
        """PostgreSQL and MariaDB refuse to serve as root."""
        if os.getuid():
            return ["setpriv"]
        user, group = _unprivileged()
        return ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"]

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self._log().open("ab") as log:
            return subprocess.Popen(
                [*self._as_user(), f"--pdeathsig={self.kill_signal.name[3:]}", *self.command()],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            try:
                self._process.wait(_START)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def _log(self) -> Path:
        return self.folder / "log"


def _root() -> Path:
    memory = Path("/dev/shm")
    return memory if memory.is_dir() and shutil.disk_usage(memory).free > _ROOM else Path(tempfile.gettempdir())


def _unprivileged() -> tuple[int, int]:
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
