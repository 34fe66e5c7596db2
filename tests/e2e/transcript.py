"""What a series of tools said, what differs from run to run masked, to compare with Kafka's."""

import pathlib
import re

from node import Node
from tools import Tools

FOLDER = pathlib.Path(__file__).parent / "transcripts"
MASKS = (
    (r"[ \t]+", " "),
    (r"127\.0\.0\.1:\d+", "HOST:PORT"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
    (r"\b1[6-9]\d{11}\b", "TIME"),
    (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d[:.,]\d+", "TIME"),
    # The coordinator with its broker id.
    (r"HOST:PORT \(\d+\)", "HOST:PORT (ID)"),
    (r"/\S*tmp\S*/", "FOLDER/"),
)
# Where in a tool's code something was thrown says nothing of the broker.
STACK = re.compile(r"at [\w.$/]+\(.*\)$")


def masked(text: str) -> list[str]:
    for pattern, instead in MASKS:
        text = re.sub(pattern, instead, text)
    lines = [line.strip() for line in text.splitlines()]
    return [line for line in lines if line and not STACK.match(line)]


class Transcript:
    def __init__(self, node: Node, tools: Tools):
        self.node = node
        self.tools = tools
        self.lines: list[str] = []

    def run(self, name: str, *arguments, stdin: str = "") -> str:
        """Lines are sorted: a broker may list groups and partitions in any order."""
        server = [name, "--bootstrap-server", self.node.bootstrap, *arguments]
        status, output, errors = self.tools.run(*server, stdin=stdin)
        self.lines.append(" ".join(masked(" ".join(["$", name, *map(str, arguments)]))))
        self.lines += [f"  {line}" for line in sorted(masked(output))]
        self.lines += [f"  error: {line}" for line in sorted(masked(errors))]
        if status != 0:
            self.lines.append(f"  status {status}")
        return output

    def groups(self, *arguments) -> str:
        return self.run("consumer-groups", *arguments)

    def text(self) -> str:
        return "\n".join(self.lines) + "\n"
