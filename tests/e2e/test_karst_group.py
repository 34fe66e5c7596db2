"""karst's group commands and `karst consume --group`, beside members of other makes."""

import contextlib
import json
import re
import signal
import subprocess
import time

import pytest
from node import BINARY, eventually
from tools import attempt, create_topic

import peers

pytestmark = pytest.mark.skipif(not BINARY.exists(), reason=f"{BINARY} is missing")
HOUR_MS = 3_600_000


def run(node, *arguments, stdin: str = "", timeout: float = 60):
    command = [str(BINARY), *map(str, arguments), "-b", node.bootstrap]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout)


def karst(node, *arguments, stdin: str = "", status: int = 0) -> str:
    done = run(node, *arguments, stdin=stdin)
    assert done.returncode == status, f"{arguments}: {done.stdout}{done.stderr}"
    return done.stdout if status == 0 else done.stderr


def described(node, group: str) -> dict:
    return json.loads(karst(node, "group", "describe", group, "--json"))


def partition(node, group: str, topic: str, index: int = 0) -> dict:
    (found,) = [
        each
        for each in described(node, group)["partitions"]
        if (each["topic"], each["partition"]) == (topic, index)
    ]
    return found


def filled(node, topic: str, partitions: int = 1, records: int = 100) -> str:
    create_topic(node, topic, partitions)
    produce(node, topic, range(records))
    return topic


def produce(node, topic: str, numbers) -> None:
    """The numbers as keys and values, so that they spread over the partitions."""
    lines = "".join(f"{number}:{number}\n" for number in numbers)
    karst(node, "produce", topic, "-K", ":", stdin=lines)


@contextlib.contextmanager
def member(node, topic: str, group: str, tmp_path, *options):
    """`karst consume --group` in the background, its output in files."""
    name = f"{group}-{time.monotonic_ns()}"
    with open(tmp_path / f"{name}.out", "wb") as out, open(tmp_path / f"{name}.err", "wb") as err:
        command = [str(BINARY), "consume", topic, "-g", group, "-b", node.bootstrap, *options]
        process = subprocess.Popen(command, stdout=out, stderr=err)
    process.lines = lambda: (tmp_path / f"{name}.out").read_text().splitlines()
    process.said = lambda: (tmp_path / f"{name}.err").read_text()
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def members(node, group: str) -> list[dict]:
    found = run(node, "group", "describe", group, "--json")
    return json.loads(found.stdout)["members"] if found.returncode == 0 else []


def settled(node, group: str, count: int, seconds: float = 40) -> None:
    """Waits until the group has so many members and none of them waits for the others."""

    def check() -> bool:
        found = run(node, "group", "describe", group, "--json")
        if found.returncode != 0:
            return False
        group_now = json.loads(found.stdout)
        stable = group_now["state"] == ("Stable" if count else "Empty")
        return stable and len(group_now["members"]) == count

    eventually(check, seconds, f"group {group} has {count} settled members", every=0.2)


def test_lag_in_records_bytes_and_seconds(node):
    topic, group = create_topic(node, "group-lag", 2), "lag"
    then = int(time.time() * 1000) - HOUR_MS
    for number in range(10):
        lines = "".join(f"{number}-{line}\n" for line in range(10))
        stamp = then + number * 60_000
        karst(node, "produce", topic, "-p", 0, "-T", stamp, "-z", "none", stdin=lines)
    karst(node, "group", "reset", group, "-t", f"{topic}:0", "--to-offset", 45, "--execute")
    lag = partition(node, group, topic)
    assert (lag["committed"], lag["end_offset"], lag["lag"]) == (45, 100, 55)
    # The record at 45 was stamped four minutes after the first.
    assert abs(lag["lag_seconds"] - (3600 - 240)) < 30, lag
    assert lag["lag_bytes_exact"] and 55 * 10 < lag["lag_bytes"] < 55 * 200, lag
    assert lag["member"] is None and "the group has none" in lag["remarks"][0]
    karst(node, "group", "reset", group, "-t", f"{topic}:0", "--to-latest", "--execute")
    lag = partition(node, group, topic)
    assert (lag["lag"], lag["lag_bytes"], lag["lag_seconds"]) == (0, 0, 0)
    other = partition(node, group, topic, 1)
    assert other["committed"] is None and other["lag"] is None
    assert any("nothing committed" in remark for remark in other["remarks"])


def test_a_large_lag_is_an_estimate_and_says_so(node):
    topic, group = create_topic(node, "group-much", 1), "much"
    for _ in range(4):
        karst(node, "produce", topic, "-z", "none", stdin=("x" * 999 + "\n") * 500)
    karst(node, "group", "reset", group, "-t", topic, "--to-offset", 1000, "--execute")
    lag = partition(node, group, topic)
    assert lag["lag"] == 1000 and not lag["lag_bytes_exact"]
    assert 0.5e6 < lag["lag_bytes"] < 2e6, lag
    assert re.search(r"~\d+", karst(node, "group", "describe", group))


def test_reset_shows_its_plan_and_changes_nothing_without_execute(node):
    topic, group = filled(node, "group-reset"), "reset"
    then = int(time.time() * 1000)
    eventually(lambda: time.time() * 1000 > then + 1, 5, "the clock has moved on")
    produce(node, topic, range(100, 110))

    def reset(*target, status: int = 0) -> dict:
        options = ["group", "reset", group, "-t", topic, *target, "--json"]
        told = karst(node, *options, status=status)
        return json.loads(told) if status == 0 else told

    assert reset("--to-offset", 30)["to"] == 30
    assert run(node, "group", "describe", group).returncode == 1, "nothing was committed"
    assert "no committed offset" in reset("--shift-by=-1", "--execute", status=1)
    assert reset("--to-offset", 30, "--execute") == {
        "executed": True,
        "from": None,
        "group": group,
        "note": "",
        "partition": 0,
        "to": 30,
        "topic": topic,
    }
    assert reset("--shift-by=-10", "--execute")["to"] == 20
    assert partition(node, group, topic)["committed"] == 20
    assert reset("--to-earliest")["to"] == 0
    assert reset("--to-latest")["to"] == 110
    assert reset("--to-current")["to"] == 20
    assert reset("--to-time", then)["to"] == 100
    assert reset("--by-duration", "1h")["to"] == 0
    beyond = reset("--to-offset", 5000)
    assert beyond["to"] == 110 and "not in the log yet" in beyond["note"]
    assert partition(node, group, topic)["committed"] == 20
    everything = json.loads(
        karst(node, "group", "reset", group, "--all-topics", "--to-latest", "--execute", "--json")
    )
    assert (everything["partition"], everything["to"]) == (0, 110)


def test_a_group_with_members_is_neither_reset_nor_deleted(node, tmp_path):
    topic, group = filled(node, "group-busy"), "busy"
    with member(node, topic, group, tmp_path) as reading:
        settled(node, group, 1)
        for command in (
            ["reset", group, "-t", topic, "--to-earliest", "--execute"],
            ["delete", group],
        ):
            said = karst(node, "group", *command, status=1)
            assert said.count("\n") == 1 and "it has 1 member: karst (127.0.0.1)" in said, said
        plan = run(node, "group", "reset", group, "-t", topic, "--to-earliest")
        assert plan.returncode == 0 and "once the group has no members" in plan.stderr
        reading.send_signal(signal.SIGTERM)
        assert reading.wait(20) == 128 + signal.SIGTERM
    settled(node, group, 0)
    assert group in karst(node, "group", "list")
    karst(node, "group", "delete", group)
    assert "no such group" in karst(node, "group", "delete", group, status=1)
    assert "no such group" in karst(node, "group", "describe", group, status=1)
    karst(node, "group", "delete", group, "--if-exists")
    assert group not in karst(node, "group", "list")


def test_each_run_goes_on_where_the_last_has_ended(node):
    topic, group = filled(node, "group-count"), "count"
    for first in range(0, 100, 25):
        told = karst(node, "consume", topic, "-g", group, "-n", 25)
        assert told.split() == [str(number) for number in range(first, first + 25)]
    assert karst(node, "consume", topic, "-g", group, "-e") == ""
    lag = partition(node, group, topic)
    assert (lag["committed"], lag["lag"]) == (100, 0)


def test_without_a_commit_it_begins_where_it_is_told(node):
    topic = filled(node, "group-begin")
    assert len(karst(node, "consume", topic, "-g", "begin-1", "-e").split()) == 100
    assert karst(node, "consume", topic, "-g", "begin-2", "-e", "--from", "latest") == ""
    # Where it began is committed, though it has read nothing.
    assert partition(node, "begin-2", topic)["committed"] == 100
    last = karst(node, "consume", topic, "-g", "begin-3", "-e", "-o", "-3")
    assert last.split() == ["97", "98", "99"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_commits_what_was_written_and_leaves(node, tmp_path, number):
    topic, group = filled(node, f"group-signal-{number.value}", 3), f"signal-{number.value}"
    with member(node, topic, group, tmp_path) as reading:
        eventually(lambda: len(reading.lines()) == 100, 30, "all is read")
        produce(node, topic, range(100, 150))
        eventually(lambda: len(reading.lines()) == 150, 30, "what comes later is read")
        reading.send_signal(number)
        assert reading.wait(20) == 128 + number
        assert reading.said() == ""
    # At once: a member that has not left would be listed until its session ends.
    group_now = described(node, group)
    assert group_now["state"] == "Empty" and not group_now["members"]
    assert sum(each["committed"] for each in group_now["partitions"]) == 150


def test_partitions_are_shared_and_taken_over(node, tmp_path):
    """Also with one that is killed: its session's end is waited for, nothing is left out."""
    topic, group = filled(node, "group-share", 4, 200), "share"
    with member(node, topic, group, tmp_path) as first:
        eventually(lambda: len(first.lines()) == 200, 30, "the first reads all")
        with member(node, topic, group, tmp_path) as second:
            settled(node, group, 2)
            shares = [each["partitions"][topic] for each in members(node, group)]
            assert sorted(map(len, shares)) == [2, 2] and sorted(sum(shares, [])) == [0, 1, 2, 3]
            produce(node, topic, range(200, 400))
            both = lambda: first.lines() + second.lines()
            eventually(lambda: len(both()) >= 400, 30, "both together read all")
            assert sorted(map(int, both())) == list(range(400)), "nothing is read twice"
            assert second.lines(), "the second has its share"
            second.send_signal(signal.SIGINT)
            second.wait(20)
            taken = len(second.lines())
        settled(node, group, 1)
        produce(node, topic, range(400, 450))
        eventually(lambda: len(first.lines()) == 450 - taken, 30, "the first reads all again")
        assert first.said() == ""


@pytest.mark.parametrize("version", ["3.9", "4.2"])
def test_beside_kafkas_console_consumer(node, tmp_path, version):
    """One group, two makes: whoever leads, both understand the other's bytes."""
    topic, group = filled(node, f"group-mixed-{version}", 4, 100), f"mixed-{version}"
    console = peers.tool_command(
        version,
        "console-consumer",
        *("--bootstrap-server", node.bootstrap, "--topic", topic, "--group", group),
    )
    for karst_first in (True, False):
        with contextlib.ExitStack() as stack:
            output = stack.enter_context(open(tmp_path / f"console-{karst_first}", "wb"))

            def start_console():
                other = subprocess.Popen(console, stdout=output, stderr=subprocess.DEVNULL)
                stack.callback(other.wait)
                stack.callback(other.terminate)

            def start_karst():
                return stack.enter_context(member(node, topic, group, tmp_path))

            if karst_first:
                reading = start_karst()
                settled(node, group, 1)
                start_console()
            else:
                start_console()
                settled(node, group, 1)
                reading = start_karst()
            settled(node, group, 2)
            shares = [each["partitions"][topic] for each in members(node, group)]
            assert sorted(map(len, shares)) == [2, 2], shares
            before = len(reading.lines())
            produce(node, topic, range(1000, 1100))
            lag = lambda: sum(each["lag"] or 0 for each in described(node, group)["partitions"])
            eventually(lambda: lag() == 0, 30, "both commit all", every=0.2)
            console_read = (tmp_path / f"console-{karst_first}").read_text().split()
            fresh = reading.lines()[before:] + [each for each in console_read if int(each) >= 1000]
            assert sorted(map(int, fresh)) == list(range(1000, 1100))
            reading.send_signal(signal.SIGTERM)
            reading.wait(20)


def test_a_spare_member_says_why_it_gets_nothing(node, tmp_path):
    topic, group = filled(node, "group-spare", 1), "spare"
    with member(node, topic, group, tmp_path) as one, member(node, topic, group, tmp_path) as two:
        settled(node, group, 2)
        said = "no partition is assigned: group spare has 2 members and topic group-spare 1 part"
        eventually(lambda: said in one.said() + two.said(), 20, "one of them says so")
        shown = karst(node, "group", "describe", group)
        assert "none: there are more members than partitions" in shown
        # When the other goes, the spare takes its place.
        busy, spare = (two, one) if said in one.said() else (one, two)
        busy.send_signal(signal.SIGTERM)
        busy.wait(20)
        produce(node, topic, range(100, 103))
        eventually(lambda: spare.lines()[-3:] == ["100", "101", "102"], 20, "the spare reads on")


def test_what_is_not_taken_is_not_committed(node, tmp_path):
    """Output that blocks: the member stays, joins again when it can, and nothing goes missing."""
    topic, group = create_topic(node, "group-blocked", 2), "blocked"
    lines = [f"{number:0100}" for number in range(20_000)]
    karst(node, "produce", topic, "-p", 0, stdin="\n".join(lines) + "\n")
    command = [str(BINARY), "consume", topic, "-g", group, "-b", node.bootstrap]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as blocked:
        settled(node, group, 1)
        time.sleep(4)  # longer than a heartbeat; the pipe holds 64 KiB of 2 MB
        assert len(members(node, group)) == 1
        assert (partition(node, group, topic)["committed"] or 0) < 20_000
        taken = [blocked.stdout.readline().decode().strip() for _ in range(50)]
        blocked.send_signal(signal.SIGTERM)
        assert blocked.wait(20) == 128 + signal.SIGTERM
        taken += blocked.stdout.read().decode().split("\n")
    committed = partition(node, group, topic)["committed"] or 0
    assert committed <= len([line for line in taken if len(line) == 100])
    rest = karst(node, "consume", topic, "-g", group, "-e").split()
    assert rest == lines[committed:]


def test_a_full_disk_under_the_output_commits_nothing(node):
    topic, group = filled(node, "group-full"), "full"
    with open("/dev/full", "w") as full:
        command = [str(BINARY), "consume", topic, "-g", group, "-e", "-b", node.bootstrap]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, timeout=40)
    assert done.returncode == 1 and b"No space left" in done.stderr
    assert len(karst(node, "consume", topic, "-g", group, "-e").split()) == 100


def test_a_reader_that_has_enough_ends_the_member(node):
    topic, group = filled(node, "group-head", 1, 50_000), "head"
    script = f"{BINARY} consume {topic} -g {group} -b {node.bootstrap} | head -2"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", script], capture_output=True, timeout=40)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"0\n1\n", b"")
    assert described(node, group)["state"] == "Empty"


def test_a_member_outlives_a_restart_of_the_broker(make_node, tmp_path):
    node = make_node("offsets.topic.num.partitions=1").start()
    topic, group = filled(node, "group-restart", 2), "restart"
    with member(node, topic, group, tmp_path) as reading:
        eventually(lambda: len(reading.lines()) == 100, 30, "all is read")
        eventually(
            lambda: sum(p["committed"] or 0 for p in described(node, group)["partitions"]) == 100,
            20,
            "all is committed",
        )
        node.stop()
        node.start()
        produce(node, topic, range(100, 200))
        eventually(lambda: len(reading.lines()) >= 200, 60, "it reads on")
        assert sorted(map(int, reading.lines())) == list(range(200))
        reading.send_signal(signal.SIGTERM)
        assert reading.wait(20) == 128 + signal.SIGTERM


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["group", "show"], 2, "give one of list, describe, reset, delete"),
        (["group", "describe"], 2, "GROUP is required"),
        (["group", "describe", "none-such"], 1, "see `karst group list`"),
        (["group", "reset", "g", "--to-latest"], 2, "--topic or --all-topics is required"),
        (["group", "reset", "g", "-t", "T"], 2, "--to-earliest"),
        (["group", "reset", "g", "-t", "T", "--to-latest", "--to-earliest"], 2, "2 were given"),
        (["group", "reset", "g", "--all-topics", "--to-latest"], 1, "has committed nothing"),
        (["group", "reset", "g", "-t", "T:7", "--to-latest"], 1, "partitions 0 to 0, not 7"),
        (["group", "reset", "g", "-t", "T:x", "--to-latest"], 1, "--topic orders:0,2"),
        (["group", "reset", "g", "-t", "gone", "--to-latest"], 1, "karst topic list"),
        (["group", "reset", "g", "-t", "T", "--to-time", "noon"], 1, "2026-09-21T10:15:30Z"),
        (["group", "reset", "g", "-t", "T", "--by-duration", "soon"], 1, "1h30m"),
        (["consume", "T", "-g", "g", "-p", "0"], 2, "excludes"),
        (["consume", "gone", "-g", "g"], 1, "karst topic list"),
        (["consume", "T", "-g", "g", "--from", "first"], 1, "earliest"),
    ],
)
def test_a_mistake_gets_one_line(node, arguments, status, said):
    topic = "group-mistakes"
    run(node, "topic", "create", topic, "-p", 1, "--if-not-exists")
    done = run(node, *(re.sub(r"^T(?=:|$)", topic, word) for word in arguments))
    assert done.returncode == status, done.stdout + done.stderr
    assert said in done.stderr and done.stderr.count("\n") == 1, done.stderr


def test_groups_of_other_protocols_are_shown_as_far_as_they_can_be(node):
    """kafka-consumer-groups and we list the same."""
    topic, group = filled(node, "group-listed"), "listed"
    karst(node, "consume", topic, "-g", group, "-e")
    theirs = attempt("4.2", "consumer-groups", "--bootstrap-server", node.bootstrap, "--list")
    ours = [json.loads(line) for line in karst(node, "group", "list", "--json").splitlines()]
    assert sorted(theirs.stdout.split()) == sorted(each["group"] for each in ours)
    (found,) = [each for each in ours if each["group"] == group]
    assert (found["state"], found["protocol_type"], found["members"]) == ("Empty", "consumer", 0)
