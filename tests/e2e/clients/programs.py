"""Clients in other languages: small programs of tests/peers/clients, built once, fed JSON lines."""

import subprocess

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

    def produce(self, bootstrap, topic, records):
        self._run("produce", bootstrap, topic, stdin=to_lines(records))

    def consume(self, bootstrap, topics):
        return from_lines(self._run("consume", bootstrap, *topics))

    def offsets_at(self, bootstrap, topic, partition, timestamps):
        return list(map(int, self._run("times", bootstrap, topic, partition, *timestamps).split()))


class Java(Program):
    def __init__(self, version: str):
        self.version = version

    def _command(self):
        classes = bring.java_classes(self.version)
        return peers.java_command(self.version, "JavaClient", classes=[classes])


class Go(Program):
    def __init__(self, library: str, empty_is_null: bool = False):
        self.library = library
        self.empty_is_null = empty_is_null

    def _command(self):
        return [str(bring.go_clients()), self.library]


class Rust(Program):
    """Its Fetch is version 4, to which no broker gives zstd."""

    codecs = reads = ("none", "gzip", "snappy", "lz4")
    last_header_only = True

    def _command(self):
        return [str(bring.rust_client())]


class Node(Program):
    """Produces only: its consumers want a group."""

    codecs = ("none", "gzip")

    def __init__(self, library: str):
        self.library = library

    def _command(self):
        return ["node", str(bring.node_clients() / f"{self.library}.mjs")]
