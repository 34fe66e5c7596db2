"""What the README tells a newcomer to paste works when pasted."""

import os
import re
import subprocess

import pytest
from node import BINARY, BROKER, ROOT

BLOCKS = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
MESSAGES = [block for block in BLOCKS if "hello from" in block]


@pytest.mark.skipif(BROKER != "karst", reason="the README is about karst")
@pytest.mark.parametrize(
    "block", MESSAGES, ids=lambda block: re.search(r"hello from (.*)'", block)[1]
)
def test_first_message(make_node, block):
    # As `karst serve --dev`: with one partition, the console consumer's partition 0 is the one.
    node = make_node("num.partitions=1", "auto.create.topics.enable=true").start()
    # Packages are there already, and tests install nothing.
    script = block.replace("tools/setup --tests", "true").replace("127.0.0.1:9092", node.bootstrap)
    script = script.replace("build/release/karst", str(BINARY))
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        env=environment(node),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (said,) = re.findall(r"hello from \w+(?: group)?", block)
    assert said in done.stdout


def environment(node):
    return os.environ | {"KARST_BOOTSTRAP_SERVER": node.bootstrap}


def test_the_readme_has_four_first_messages():
    assert len(MESSAGES) == 4
