"""Nodes for the tests, and what becomes of a client that could not be run."""

import os
import pathlib
import sys

import pytest

sys.path[:0] = [
    str(pathlib.Path(__file__).parent),
    str(pathlib.Path(__file__).parents[1] / "peers"),
]

import bring
from node import BROKER, Node, stable_port


@pytest.fixture(scope="session")
def node(tmp_path_factory):
    """One node for all tests that leave it running; each test uses topics of its own."""
    shared = Node(
        tmp_path_factory.mktemp("node"), "num.partitions=3", "auto.create.topics.enable=true"
    )
    shared.start()
    yield shared
    shared.close()


@pytest.fixture
def make_node(tmp_path):
    """Makes nodes that a test may stop, kill and start again: their port stays theirs."""
    made = []

    def make(*settings: str, broker: str = BROKER) -> Node:
        # Kafka's controller takes the next port.
        port = stable_port(1 if broker == "karst" else 2)
        made.append(Node(tmp_path / f"node-{len(made)}", *settings, port=port, broker=broker))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Shows the end of the node's log with a failure."""
    report = yield
    if report.when == "call" and report.failed:
        for value in getattr(item, "funcargs", {}).values():
            if isinstance(value, Node):
                report.sections.append(("the node's log", value.log()[-6000:]))
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """A client whose toolchain is missing is named as not run; in CI that fails."""
    try:
        return (yield)
    except bring.NotRun as reason:
        if os.environ.get("CI") == "true":
            pytest.fail(f"not run: {reason}")
        pytest.skip(f"not run: {reason}")
