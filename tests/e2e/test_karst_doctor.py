"""`karst doctor`, and what a node's own log says about what confuses new users."""

import json
import os
import socket
import subprocess

import pytest
from node import BINARY, BROKER, eventually

pytestmark = pytest.mark.skipif(BROKER != "karst", reason="about karst's own command and log")


def karst(node, *arguments, stdin: str = "", address: str = ""):
    command = [str(BINARY), *map(str, arguments), "-b", address or node.bootstrap]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60)


def findings(node, address: str = "") -> list[dict]:
    done = karst(node, "doctor", "--json", address=address)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == (1 if found else 0), done.stdout + done.stderr
    # What this machine denies is no finding about the node.
    return [each for each in found if each["about"] not in ("host", "disk")]


def test_a_fresh_node_is_well(make_node):
    node = make_node().start()
    assert findings(node) == []
    karst(node, "topic", "create", "orders")
    karst(node, "produce", "orders", stdin="one\ntwo\n")
    assert karst(node, "consume", "orders", "-g", "billing", "-e").stdout == "one\ntwo\n"
    assert findings(node) == []


def test_no_broker_there(node):
    done = karst(node, "doctor", address="127.0.0.1:1")
    assert done.returncode == 1 and "karst serve --dev" in done.stderr


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("no-such-host.invalid:{port}", "which is a name that this host cannot resolve"),
        ("127.0.0.1:1", "which cannot be reached from here (Connection refused)"),
    ],
)
def test_an_address_that_clients_cannot_use(make_node, told, said):
    node = make_node()
    told = told.format(port=node.port)
    node.settings = (f"advertised.listeners=PLAINTEXT://{told}",)
    node.start()
    (found,) = findings(node)
    assert f"tells clients to connect to {told}, {said}" in found["what"]
    assert "advertised.listeners" in found["remedy"]
    if "invalid" in told:
        eventually(lambda: "which this host cannot resolve" in node.log(), 30, "the log says so")


def test_loopback_told_to_other_hosts(make_node):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing; only chooses a route
        except OSError:
            pytest.skip("this host has only loopback addresses")
        own = probe.getsockname()[0]
    node = make_node()
    node.settings = (
        f"listeners=PLAINTEXT://0.0.0.0:{node.port}",
        f"advertised.listeners=PLAINTEXT://localhost:{node.port}",
    )
    node.start()
    eventually(lambda: "where each of them finds only itself" in node.log(), 10, "the log says so")
    (found,) = findings(node, f"{own}:{node.port}")
    assert "is this host's own address on every host" in found["what"]


def test_a_typo_makes_a_topic(make_node):
    node = make_node().start()
    karst(node, "topic", "create", "payments")
    karst(node, "produce", "paymets", stdin="lost\n")
    said = "created topic paymets with 1 partitions, because a client asked for it; is it a typo"
    eventually(lambda: said in node.log(), 10, "the log says so")
    (found,) = findings(node)
    assert "payments is empty, and paymets, of nearly the same name, is not" in found["what"]
    karst(node, "produce", "other", stdin="meant\n")
    assert "created topic other with 1 partitions, because a client asked for it\n" in (
        node.log().replace(" (topics)", "")
    )


def test_groups_that_do_not_read(make_node, tmp_path):
    node = make_node().start()
    karst(node, "topic", "create", "orders", "-p", 1)
    karst(node, "produce", "orders", stdin="".join(f"{n}\n" for n in range(10)))
    karst(node, "consume", "orders", "-g", "billing", "-n", 4)
    (found,) = findings(node)
    assert "group billing has 6 records of orders unread" in found["what"]
    assert "it has no members" in found["what"] and "karst group delete billing" in found["remedy"]
    command = [str(BINARY), "consume", "orders", "-g", "billing", "-b", node.bootstrap]
    with open(os.devnull, "w") as nowhere:
        readers = [subprocess.Popen(command, stdout=nowhere, stderr=nowhere) for _ in range(2)]
    try:
        said = "has 2 members for 1 partitions: 1 of them read nothing"
        told = lambda: [each["what"] for each in findings(node)]
        eventually(lambda: any(said in each for each in told()), 30, said, every=0.2)
    finally:
        for reader in readers:
            reader.terminate()
            reader.wait()


def test_its_findings_are_lines_and_its_status_says_whether_there_are_any(make_node):
    node = make_node().start()
    karst(node, "topic", "create", "orders", "-p", 1)
    karst(node, "produce", "orders", stdin="one\n")
    karst(node, "group", "reset", "sleeper", "-t", "orders", "--to-earliest", "--execute")
    done = karst(node, "doctor")
    lines = [line for line in done.stdout.splitlines() if line.startswith("group ")]
    assert done.returncode == 1 and len(lines) == 1 and "sleeper" in lines[0]
    assert "looked at" in done.stderr
