#!/usr/bin/env python3
"""Apache Kafka, ZooKeeper and Kafka's tools as peers on loopback, brought from Maven Central.

  peers.py install                             fetch Kafka 3.9 (with ZooKeeper 3.8) and 4.2
  peers.py kafka 3.9|4.2 DIR PORT [key=value]  run a broker in the foreground, data under DIR;
                                               3.9 wants zookeeper.connect=..., 4.2 runs KRaft with
                                               its controller on PORT+1
  peers.py zookeeper DIR PORT                  run ZooKeeper in the foreground, data under DIR
  peers.py tool 3.9|4.2 NAME [arguments]       run a command-line tool: topics, get-offsets, ...
  peers.py java 3.9|4.2 CLASS [arguments]      run any class on that version's class path; 2.1, 2.8
                                               and 3.4 are there too, the Java client alone

All of it lies in $KARST_PEERS (by default karst-peers in the user's cache directory) and nowhere
else; a changed pom.xml brings its jars anew.
"""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
CLIENTS = HERE / "clients"
VERSIONS = ("3.9", "4.2")
# Of these there is the Java client alone.
CLIENT_VERSIONS = ("2.1", "2.8", "3.4")
# A tool lives a second: a small heap, one collector thread and the quick compiler start it soonest.
TOOL_JVM = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
BROKER_JVM = ["-Xmx1g", "-XX:+UseG1GC", "-Djava.awt.headless=true"]

TOOLS = {
    "topics": "org.apache.kafka.tools.TopicCommand",
    "configs": "kafka.admin.ConfigCommand",
    "console-producer": "org.apache.kafka.tools.ConsoleProducer",
    "console-consumer": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "producer-perf-test": "org.apache.kafka.tools.ProducerPerformance",
    "consumer-perf-test": "org.apache.kafka.tools.ConsumerPerformance",
    "consumer-groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    "get-offsets": "org.apache.kafka.tools.GetOffsetShell",
    "delete-records": "org.apache.kafka.tools.DeleteRecordsCommand",
    "log-dirs": "org.apache.kafka.tools.LogDirsCommand",
    "broker-api-versions": "org.apache.kafka.tools.BrokerApiVersionsCommand",
    "e2e-latency": "org.apache.kafka.tools.EndToEndLatency",
    "verifiable-producer": "org.apache.kafka.tools.VerifiableProducer",
    "verifiable-consumer": "org.apache.kafka.tools.VerifiableConsumer",
    "dump-log": "kafka.tools.DumpLogSegments",
    "storage": "kafka.tools.StorageTool",
    "zookeeper-shell": "org.apache.zookeeper.ZooKeeperMainWithTlsSupportForKafka",
}
# Where 3.9 still has the tool in Scala.
TOOLS_3_9 = {
    "console-producer": "kafka.tools.ConsoleProducer",
    "broker-api-versions": "kafka.admin.BrokerApiVersionsCommand",
}


def cache() -> pathlib.Path:
    """Where everything that is brought lies."""
    if "KARST_PEERS" in os.environ:
        return pathlib.Path(os.environ["KARST_PEERS"]).resolve()
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "karst-peers"


@contextlib.contextmanager
def made_once(directory: pathlib.Path, *inputs):
    """Yields whether `directory` must be made from these inputs; other processes wait."""
    digest = hashlib.sha256()
    for item in inputs:
        digest.update(item.read_bytes() if isinstance(item, pathlib.Path) else str(item).encode())
    directory.parent.mkdir(parents=True, exist_ok=True)
    with open(directory.parent / f".{directory.name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        marker = directory / ".complete"
        missing = not marker.exists() or marker.read_text() != digest.hexdigest()
        if missing:
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir()
        yield missing
        marker.write_text(digest.hexdigest())


def pom(version: str) -> pathlib.Path:
    """What that version consists of."""
    return HERE / f"{'kafka' if version in VERSIONS else 'clients'}-{version}" / "pom.xml"


def jars(version: str) -> pathlib.Path:
    """The directory with that version's jars, brought on first use."""
    directory = cache() / pom(version).parent.name
    with made_once(directory, pom(version)) as missing:
        if missing:
            print(
                f"peers: fetching Apache Kafka {version} from Maven Central",
                file=sys.stderr,
                flush=True,
            )
            # Maven resolves relative to the pom, and would leave a target directory beside it.
            command = ["mvn", "-q", "-B", "-f", str(pom(version)), "dependency:copy-dependencies"]
            command += [f"-DoutputDirectory={directory}", "-DincludeScope=runtime"]
            fetch(command, f"Apache Kafka {version}")
    return directory


MAVEN_REMEDY = (
    "is repo.maven.apache.org reachable, and is its certificate one that Java trusts? A proxy or"
    " mirror goes into ~/.m2/settings.xml"
)


def fetch(command: list[str], what: str, remedy: str = MAVEN_REMEDY, **options) -> None:
    """Runs a command that brings something from the network; one line says so if it cannot."""
    try:
        subprocess.run(command, check=True, stdout=sys.stderr, **options)
    except FileNotFoundError:
        sys.exit(f"peers: {command[0]} is missing; tools/setup --tests installs it")
    except subprocess.CalledProcessError:
        sys.exit(f"peers: {command[0]} could not fetch {what}, see above; {remedy}")


def class_path(version: str, *more) -> str:
    return ":".join([*map(str, more), f"{jars(version)}/*"])


def tool_class(version: str, name: str) -> str:
    named = TOOLS_3_9.get(name) if version == "3.9" else None
    if not (named or name in TOOLS):
        sys.exit(f"peers: unknown tool '{name}'; there are: {' '.join(TOOLS)}")
    return named or TOOLS[name]


def tool_command(version: str, name: str, *arguments) -> list[str]:
    """The command line of one of Kafka's tools."""
    return java_command(version, tool_class(version, name), *arguments)


def java_command(version: str, name: str, *arguments, classes=()) -> list[str]:
    return ["java", *TOOL_JVM, "-cp", class_path(version, *classes), name, *map(str, arguments)]


def kafka_command(version: str, directory: pathlib.Path, port: int, *settings) -> list[str]:
    """Writes the broker's configuration under `directory` and returns the command that runs it."""
    directory.mkdir(parents=True, exist_ok=True)
    lines = [
        f"log.dirs={directory}/data",
        "offsets.topic.replication.factor=1",
        "transaction.state.log.replication.factor=1",
        "transaction.state.log.min.isr=1",
        "group.initial.rebalance.delay.ms=0",
    ]
    if version == "3.9":
        lines.append(f"listeners=PLAINTEXT://127.0.0.1:{port}")
    else:
        controller = f"127.0.0.1:{port + 1}"
        lines += [
            "process.roles=broker,controller",
            "node.id=1",
            f"listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://{controller}",
            "controller.listener.names=CONTROLLER",
            f"controller.quorum.voters=1@{controller}",
            "share.coordinator.state.topic.replication.factor=1",
            "share.coordinator.state.topic.min.isr=1",
        ]
    properties = directory / "server.properties"
    properties.write_text("\n".join([*lines, *settings]) + "\n")
    if version != "3.9" and not (directory / "data" / "meta.properties").exists():
        arguments = ["format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c", properties]
        subprocess.run(
            tool_command(version, "storage", *arguments), check=True, capture_output=True
        )
    return ["java", *BROKER_JVM, "-cp", class_path(version), "kafka.Kafka", str(properties)]


def zookeeper_command(directory: pathlib.Path, port: int) -> list[str]:
    directory.mkdir(parents=True, exist_ok=True)
    properties = directory / "zookeeper.properties"
    properties.write_text(
        f"dataDir={directory}\nclientPort={port}\nclientPortAddress=127.0.0.1\n"
        "admin.enableServer=false\nmaxClientCnxns=0\ntickTime=500\n"
    )
    main = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
    return ["java", "-Xmx256m", "-cp", class_path("3.9"), main, str(properties)]


def main(arguments: list[str]) -> None:
    match arguments:
        case ["install"]:
            for version in VERSIONS:
                print(jars(version))
            return
        case ["kafka", version, directory, port, *settings] if version in VERSIONS:
            command = kafka_command(
                version, pathlib.Path(directory).resolve(), int(port), *settings
            )
        case ["zookeeper", directory, port]:
            command = zookeeper_command(pathlib.Path(directory).resolve(), int(port))
        case ["tool", version, name, *rest] if version in VERSIONS:
            command = tool_command(version, name, *rest)
        case ["java", version, name, *rest] if version in VERSIONS + CLIENT_VERSIONS:
            command = java_command(version, name, *rest)
        case _:
            sys.exit(__doc__)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
