"""Kafka's command-line tools, run as their scripts run them."""

import subprocess

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
