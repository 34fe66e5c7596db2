"""Kafka's command-line tools, run as their scripts run them."""

import subprocess

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


def create_topic(node: Node, name: str, partitions: int, *more) -> str:
    arguments = ["--create", "--topic", name, "--partitions", partitions, *more]
    tool("4.2", "topics", "--bootstrap-server", node.bootstrap, *arguments)
    return name
