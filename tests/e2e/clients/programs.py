"""Clients in other languages: small programs of tests/peers/clients, built once, fed JSON lines."""

import json
import re
import subprocess
import tomllib

import bring
from clients.client import Client
from records import from_lines, to_lines

import peers


class Program(Client):
    def _command(self) -> list[str]:
        raise NotImplementedError

    def _run(self, *arguments, stdin: bytes = b"") -> bytes:
        command = [*self._command(), *map(str, arguments)]
        done = subprocess.run(command, input=stdin, capture_output=True, timeout=120)
        assert done.returncode == 0, f"{arguments[:3]}: {done.stderr.decode(errors='replace')}"
        return done.stdout

    def produce(self, bootstrap, topic, records, acks="all"):
        self._run("produce", bootstrap, topic, acks, stdin=to_lines(records))

    def consume(self, bootstrap, topics):
        return from_lines(self._run("consume", bootstrap, *topics))

    def offsets_at(self, bootstrap, topic, partition, timestamps):
        return list(map(int, self._run("times", bootstrap, topic, partition, *timestamps).split()))

    def hammer(self, *arguments):
        return [*self._command(), "hammer", *map(str, arguments)]

    def member(self, *arguments):
        return [*self._command(), "member", *map(str, arguments)]


class Java(Program):
    language, library = "Java", "kafka-clients"

    def __init__(self, version: str):
        self.kafka = version

    def version(self):
        artifacts = r"<artifactId>(?:kafka_2.13|kafka-clients)</artifactId>\s*<version>(.*?)<"
        return re.search(artifacts, peers.pom(self.kafka).read_text())[1]

    def _of(self, name: str, *arguments) -> list[str]:
        classes = bring.java_classes(self.kafka)
        return peers.java_command(self.kafka, name, *arguments, classes=[classes])

    def _command(self):
        return self._of("JavaClient")

    def hammer(self, *arguments):
        return self._of("JavaHammer", *arguments)

    def member(self, *arguments):
        return self._of("JavaMember", *arguments)


class Go(Program):
    language = "Go"

    def __init__(self, name: str, module: str, **facts):
        self.name = name
        self.module = module
        self.library = module.rpartition("/")[2]
        vars(self).update(facts)

    def version(self):
        text = (peers.CLIENTS / "go" / "go.mod").read_text()
        return re.search(rf"{re.escape(self.module)} v(\S+)", text)[1]

    def _command(self):
        return [str(bring.go_clients()), self.name]


class Rust(Program):
    language = "Rust"

    def __init__(self, library: str, **facts):
        self.library = library
        vars(self).update(facts)

    def version(self):
        locked = tomllib.loads((peers.CLIENTS / "rust" / "Cargo.lock").read_text())["package"]
        (found,) = [each["version"] for each in locked if each["name"] == self.library]
        return found

    def _command(self):
        return [str(bring.rust_client()), self.library]


class Node(Program):
    """Their consumers want a group."""

    language = "Node.js"
    hammer_is_idempotent = False
    package = ""

    def version(self):
        locked = json.loads((peers.CLIENTS / "node" / "package-lock.json").read_text())
        return locked["packages"][f"node_modules/{self.package}"]["version"]


class KafkaJs(Node):
    library = package = "kafkajs"
    codecs = reads = ("none", "gzip")

    def _command(self):
        return ["node", str(bring.node_clients() / "kafkajs.mjs")]


class Platformatic(Node):
    library = "@platformatic/kafka"
    # Its zstd is that of Node, from 22.15 on.
    codecs = reads = ("none", "gzip", "snappy", "lz4")
    last_header_only = True

    def __init__(self, package: str, **facts):
        self.package = package
        vars(self).update(facts)

    def _command(self):
        directory = bring.node_clients()
        # The newest refuses Node 20.
        node = bring.newer_node() if self.package == "platformatic-newest" else "node"
        return ["env", f"PLATFORMATIC={self.package}", node, str(directory / "platformatic.mjs")]
