"""Kafka's command-line tools, run as their scripts run them."""

import json
import subprocess

import bring
import wire
from node import Node

import peers


def tool(version: str, name: str, *arguments, stdin: str = "", timeout: float = 60) -> str:
    """Runs one tool and returns what it prints; a tool that fails fails the test."""
    done = attempt(version, name, *arguments, stdin=stdin, timeout=timeout)
    assert done.returncode == 0, f"{name} {arguments}: {done.stdout}{done.stderr}"
    return done.stdout


def attempt(version: str, name: str, *arguments, stdin: str = "", timeout: float = 60):
    command = peers.tool_command(version, name, *arguments)
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout)


def create_topic(
    node: Node, name: str, partitions: int, configs: dict[str, str] | None = None
) -> str:
    """By a request of its own: a tool would take a second or two to start."""
    with wire.Connection(node.port) as connection:
        code = wire.created(connection.send(wire.create_topic(name, partitions, configs)).answer())
    assert code == 0, f"creating {name}: error {code}"
    return name


class Tools:
    """Kafka's tools of one version in one JVM, which each would take a second or two to start."""

    def __init__(self, version: str):
        self.version = version
        classes = [bring.java_classes(version)]
        self.process = subprocess.Popen(
            peers.java_command(version, "JavaTools", classes=classes),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, name: str, *arguments, stdin: str = "") -> tuple[int, str, str]:
        """The status, the output and the errors of one tool."""
        command = {
            "tool": peers.tool_class(self.version, name),
            "arguments": list(map(str, arguments)),
            "input": stdin,
        }
        print(json.dumps(command), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        assert line, f"{name} {arguments} ended its JVM"
        answer = json.loads(line)
        return answer["status"], answer["output"], answer["errors"]

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()
