"""A broker under test: the real `karst serve`, or Apache Kafka in its place, to keep tests honest.

KARST_BINARY names another binary than build/release/karst; KARST_E2E_BROKER=kafka-4.2 (or 3.9 with
its ZooKeeper) runs the same tests against Kafka.
"""

import contextlib
import os
import pathlib
import random
import re
import signal
import socket
import struct
import subprocess
import time

import peers

ROOT = pathlib.Path(__file__).resolve().parents[2]
BROKER = os.environ.get("KARST_E2E_BROKER", "karst")
BINARY = pathlib.Path(os.environ.get("KARST_BINARY", ROOT / "build" / "release" / "karst"))
READY = re.compile(r"^karst ready: listening on (\S+):(\d+)$", re.MULTILINE)
START_SECONDS = 60
STOP_SECONDS = 30
# Of no topics: only the brokers.
METADATA_V1 = struct.pack(">hhi", 3, 1, 7) + struct.pack(">hi", -1, 0)


def eventually(check, seconds: float, what: str, every: float = 0.02):
    """Polls until `check` returns something true, and returns it."""
    deadline = time.monotonic() + seconds
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(every)


def stable_port(count: int = 1) -> int:
    """A port that stays free while its broker is down: one the kernel gives to no client by itself.

    A client that connects again and again to a dead port of the ephemeral range may one day be
    given that very port, connect to itself, and keep the broker from coming back.
    """
    low = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(low // 2, low - count)
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for offset in range(count):
                listener = stack.enter_context(socket.socket())
                listener.bind(("127.0.0.1", port + offset))
            return port


def answers(port: int) -> bool:
    """Whether a broker there names a broker. Kafka answers before it knows itself: until then it
    makes no topic, and a client that asks for one that exists is told that it does not."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(struct.pack(">i", len(METADATA_V1)) + METADATA_V1)
            answer = connection.makefile("rb").read(12)
            return len(answer) == 12 and struct.unpack(">iii", answer)[2] > 0
    except OSError:
        return False


class Node:
    """One broker process with its own data directory; survives being killed and started again."""

    def __init__(
        self,
        directory: pathlib.Path,
        *settings: str,
        port: int = 0,
        under=(),
        broker: str | None = None,
    ):
        self.broker = broker or BROKER
        self.directory = directory
        self.settings = settings
        self.under = list(under)  # the command that runs the broker's, like kernel.refusing()
        self.port = port
        self.process: subprocess.Popen | None = None
        self.log_path = directory / "node.log"
        self._zookeeper: subprocess.Popen | None = None
        directory.mkdir(parents=True, exist_ok=True)

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def data(self) -> pathlib.Path:
        return self.directory / "data"

    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def start(self) -> "Node":
        assert self.process is None, "the node runs already"
        written = len(self.log())
        command = self._karst() if self.broker == "karst" else self._kafka()
        with open(self.log_path, "a") as log:
            self.process = subprocess.Popen(
                [*self.under, *command],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        eventually(lambda: self._ready(written), START_SECONDS, f"{command[0]} gets ready")
        return self

    def _ready(self, written: int) -> bool:
        status = self.process.poll()
        if status is not None:
            self.process = None
            raise AssertionError(f"the node ended with {status}:\n{self.log()[written:]}")
        if self.broker != "karst":
            return answers(self.port)
        found = READY.search(self.log()[written:])
        if found:
            self.port = int(found[2])
        return bool(found)

    def _karst(self) -> list[str]:
        assert BINARY.exists(), f"{BINARY} is missing; tools/build makes it"
        settings = [
            f"listeners=PLAINTEXT://127.0.0.1:{self.port}",
            f"log.dirs={self.data}",
            *self.settings,
        ]
        return [str(BINARY), "serve", *(f"--set={setting}" for setting in settings)]

    def _kafka(self) -> list[str]:
        version = self.broker.removeprefix("kafka-")
        settings = [setting for setting in self.settings if not setting.startswith("karst.")]
        self.port = self.port or stable_port(2)
        if version == "3.9":
            settings += ["broker.id=1", f"zookeeper.connect={self._zookeeper_address()}"]
        return peers.kafka_command(version, self.directory, self.port, *settings)

    def _zookeeper_address(self) -> str:
        if self._zookeeper is None:
            self._zookeeper_port = stable_port()
            command = peers.zookeeper_command(self.directory / "zookeeper", self._zookeeper_port)
            self._zookeeper = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
        return f"127.0.0.1:{self._zookeeper_port}"

    def stop(self) -> int:
        """SIGTERM, and the exit status."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(STOP_SECONDS)
        self.process = None
        return status

    def kill(self) -> None:
        """SIGKILL: nothing that the process still held in memory reaches the disk."""
        self.process.kill()
        self.process.wait()
        self.process = None

    def close(self) -> None:
        if self.process is not None:
            self.kill()
        if self._zookeeper is not None:
            self._zookeeper.kill()
            self._zookeeper.wait()
            self._zookeeper = None
