"""What the benches that run whole brokers share: brokers, loads, /proc, the host in words."""

import contextlib
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "e2e"), str(ROOT / "tests" / "peers")]

import node  # noqa: E402

import peers  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")
# What Kafka is given: as much heap from the start as it may ever take, as its own benchmarks have.
KAFKA_HEAP = ["-Xms4g", "-Xmx4g"]
KARST = "karst"
KAFKA = "kafka-4.2"


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class Broker(node.Node):
    """A broker under measurement: Kafka with its 4 GB, a start that is timed to the millisecond."""

    def start(self) -> "Broker":
        self.timed_start()
        return self

    def timed_start(self) -> float:
        """Starts it; seconds from exec to Karst's "karst ready" or Kafka's first answer."""
        assert self.process is None, "the broker runs already"
        written = len(self.log())
        command = self.command()
        with open(self.log_path, "a") as log:
            begun = time.monotonic()
            self.process = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
            )
        patience = 300
        node.eventually(lambda: self._ready(written), patience, "the broker gets ready", 0.001)
        return time.monotonic() - begun

    def command(self) -> list[str]:
        if self.broker == KARST:
            return self._karst()
        command = self._kafka()
        at = command.index("-cp")
        heap = [word for word in command[1:at] if not word.startswith(("-Xmx", "-Xms"))]
        return [command[0], *heap, *KAFKA_HEAP, *command[at:]]

    @property
    def pid(self) -> int:
        return self.process.pid

    def ended(self) -> bool:
        """Whether it has died since it was started; then it may be started again."""
        if self.process is not None and self.process.poll() is None:
            return False
        self.process = None
        return True


@contextlib.contextmanager
def fresh(broker: str, *settings: str, prefix: str = "karst-bench-"):
    """A broker that is not started yet, on a directory of its own that goes at the end."""
    with tempfile.TemporaryDirectory(prefix=prefix) as directory:
        made = Broker(pathlib.Path(directory) / "broker", *settings, broker=broker)
        try:
            yield made
        finally:
            made.close()


def karst(*words, timeout: float | None = None) -> str:
    """What one command of the karst binary prints; when it fails, its words are the error."""
    command = [str(word) for word in (node.BINARY, *words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return done.stdout


def create(broker: Broker, topic: str, partitions: int) -> None:
    karst("topic", "create", topic, "--partitions", partitions, "-b", broker.bootstrap)


def remove(broker: Broker, topic: str) -> None:
    karst("topic", "delete", topic, "-b", broker.bootstrap)
    # The broker may answer before the files are gone, which is work that is not to be measured.
    node.eventually(
        lambda: not has_files(broker, topic), 120, f"{broker.broker} removes the files of {topic}"
    )


def has_files(broker: Broker, topic: str) -> bool:
    """Also those that Kafka has renamed, to delete them later, and those that have no name any more
    and are still open: their blocks are freed little by little."""
    named = (name for _, directories, _ in os.walk(broker.directory) for name in directories)
    return any(name.startswith(f"{topic}-") for name in named) or any(
        f"/{topic}-" in name and name.endswith(" (deleted)") for name in open_files(broker.pid)
    )


def open_files(pid: int) -> list[str]:
    names = []
    for descriptor in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            names.append(os.readlink(descriptor))
    return names


def load_words(kind: str, broker: Broker, topic: str, partitions: int, options: dict) -> list[str]:
    words = ["bench", kind, "--json", "-b", broker.bootstrap, "--topic", topic]
    words += ["--partitions", partitions]
    for name, value in options.items():
        words += [f"--{name}", value]
    return [str(word) for word in words]


def start_load(kind: str, broker: Broker, topic: str, partitions: int, options: dict):
    """The same as `load`, running beside us; end it with `report_of`."""
    command = [str(node.BINARY), *load_words(kind, broker, topic, partitions, options)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def report_of(running: subprocess.Popen) -> dict:
    out, errors = running.communicate()
    if running.returncode != 0:
        raise RuntimeError(f"{' '.join(running.args)}: {out}{errors}")
    return json.loads(out)


def load(kind: str, broker: Broker, topic: str, partitions: int, options: dict) -> dict:
    """One run of `karst bench`, which also measures the broker's CPU while it counts."""
    options = {"broker-pid": broker.pid, **options}
    return report_of(start_load(kind, broker, topic, partitions, options))


# --- /proc


def cpu_seconds(pid: int) -> float:
    """User and system time of a process with all its threads, those of the kernel's io included."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_bytes(pid: int) -> int:
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^VmRSS:\s+(\d+) kB", text, re.MULTILINE)[1]) * 1024


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def meminfo(name: str) -> int:
    text = pathlib.Path("/proc/meminfo").read_text()
    return int(re.search(rf"^{name}:\s+(\d+)", text, re.MULTILINE)[1]) * 1024


def socket_memory() -> int:
    """Bytes that the kernel's TCP holds in socket buffers, of the whole machine."""
    text = pathlib.Path("/proc/net/sockstat").read_text()
    pages = int(re.search(r"^TCP:.* mem (\d+)", text, re.MULTILINE)[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


# --- the host in words


def mount_of(path: pathlib.Path) -> tuple[str, str, str]:
    """Device, file system and its options where `path` lies."""
    done = subprocess.run(
        ["findmnt", "--noheadings", "--output", "SOURCE,FSTYPE,OPTIONS", "--target", str(path)],
        capture_output=True,
        text=True,
    )
    device, kind, options = (done.stdout.split() + ["unknown"] * 3)[:3]
    return device, kind, options


def cpu_model() -> str:
    text = pathlib.Path("/proc/cpuinfo").read_text()
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else platform.machine()


def java_version() -> str:
    done = subprocess.run(["java", "-version"], capture_output=True, text=True)
    return (done.stderr or done.stdout).splitlines()[0]


def host() -> dict[str, str]:
    place = pathlib.Path(tempfile.gettempdir())
    device, kind, options = mount_of(place)
    facts = {
        "CPU": f"{cpu_model()}, {os.cpu_count()} cores",
        "memory": f"{meminfo('MemTotal') / 1e9:.1f} GB",
        "kernel": platform.release(),
        "data on": f"{device}, {kind} ({options})",
        "device": device_facts(place),
        "memory folios": folio_sizes(),
        "Karst": karst("--version").strip(),
        "commit": commit(),
    }
    if shutil.which("java"):
        facts["Java"] = java_version()
    return facts


def commit() -> str:
    done = subprocess.run(
        ["git", "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True
    )
    return done.stdout.strip() or "unknown"


def folio_sizes() -> str:
    """What the kernel was told of memory in larger pieces than pages; brokers gain by it."""
    found = []
    for path in sorted(pathlib.Path("/sys/kernel/mm/transparent_hugepage").glob("*/enabled")):
        chosen = path.read_text().partition("[")[2].partition("]")[0]
        if chosen != "never":
            found.append(f"{path.parent.name} {chosen}")
    return ", ".join(found) or "none"


def device_facts(place: pathlib.Path) -> str:
    queue = queue_of(place)
    if queue is None:
        return "no block device"
    facts = [queue.parent.name]
    for name in ("scheduler", "write_cache", "rotational", "read_ahead_kb"):
        if (queue / name).exists():
            facts.append(f"{name} {(queue / name).read_text().strip()}")
    return ", ".join(facts)


def queue_of(place: pathlib.Path) -> pathlib.Path | None:
    """The settings of the block device that a directory lies on; None: it lies on none."""
    number = os.stat(place).st_dev
    entry = pathlib.Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}")
    if not entry.exists():
        return None
    entry = entry.resolve()
    return entry / "queue" if (entry / "queue").exists() else entry.parent / "queue"


def read_ahead_kb() -> int:
    """Of the device that brokers write to; 0: unknown."""
    queue = queue_of(pathlib.Path(tempfile.gettempdir()))
    setting = queue / "read_ahead_kb" if queue else None
    return int(setting.read_text()) if setting and setting.exists() else 0


def require(kafka: bool, free_bytes: int) -> None:
    """Ends with a line that says what to do when a bench of brokers cannot run here."""
    if not pathlib.Path(node.BINARY).exists():
        sys.exit(f"bench: {node.BINARY} is missing; tools/build makes it")
    place = tempfile.gettempdir()
    free = shutil.disk_usage(place).free
    if free < free_bytes:
        sys.exit(
            f"bench: {free / 1e9:.1f} GB are free in {place}, {free_bytes / 1e9:.0f} GB are wanted;"
            " make room, or name another directory with TMPDIR=DIR"
        )
    if not kafka:
        return
    for program in ("java", "mvn"):
        if not shutil.which(program):
            sys.exit(
                f"bench: there is no {program}, and Apache Kafka needs a JDK 17 and Maven;"
                " tools/setup --tests installs both, --no-kafka measures Karst alone"
            )
    peers.jars("4.2")
