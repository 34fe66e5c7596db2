"""kcat 1.7.1, driven as a person would: records on stdin, a format string on the way out."""

import re
import subprocess
import sys

from clients.client import Client

import peers

KEY_END = "\x1f"
RECORD_END = "\x1e"
HEAD = re.compile(rb"(\S+) (\d+) (\d+) (-?\d+) (-?\d+) (-?\d+) \[(.*?)\]\x1e", re.DOTALL)


def run(*arguments, stdin: bytes = b"", timeout: float = 60) -> bytes:
    done = subprocess.run(
        ["kcat", *map(str, arguments)], input=stdin, capture_output=True, timeout=timeout
    )
    assert done.returncode == 0, f"kcat {arguments}: {done.stderr.decode(errors='replace')}"
    return done.stdout


class Kcat(Client):
    language, library = "shell", "kcat"
    plain = True
    # Its callback returns at once after a signal, with a message that librdkafka counts as read.
    drops_when_leaving = True

    def version(self):
        said = subprocess.run(["kcat", "-V"], capture_output=True, text=True)
        found = re.search(r"Version (\S+) .*librdkafka (\S+)", said.stdout + said.stderr)
        return f"{found[1]} with librdkafka {found[2]}"

    def produce(self, bootstrap, topic, records, acks="all"):
        runs: dict[tuple, list[bytes]] = {}
        for record in records:
            key = b"" if record["key"] is None else record["key"] + KEY_END.encode()
            runs.setdefault((record["codec"], record["partition"]), []).append(
                key + record["value"]
            )
        for (codec, partition), lines in runs.items():
            options = ["-z", codec, "-p", partition, "-K", KEY_END, "-D", RECORD_END]
            options += ["-X", "enable.idempotence=true" if acks == "idempotent" else f"acks={acks}"]
            run("-P", "-b", bootstrap, "-t", topic, *options, stdin=RECORD_END.encode().join(lines))

    def consume(self, bootstrap, topics):
        records = []
        for topic in topics:
            form = r"%t %p %o %T %K %S [%h]" + RECORD_END + "%k%s"
            options = ["-o", "beginning", "-e", "-q", "-u", "-X", "check.crcs=true", "-f", form]
            records += list(self._parse(run("-C", "-b", bootstrap, "-t", topic, *options)))
        return records

    @staticmethod
    def _parse(output: bytes):
        position = 0
        while position < len(output):
            head = HEAD.match(output, position)
            assert head, f"unexpected output at {position}: {output[position : position + 80]!r}"
            key_length, value_length = int(head[5]), int(head[6])
            key_end = head.end() + max(key_length, 0)
            value_end = key_end + max(value_length, 0)
            headers = [pair.partition(b"=") for pair in head[7].split(b",") if pair]
            yield {
                "topic": head[1].decode(),
                "partition": int(head[2]),
                "offset": int(head[3]),
                "timestamp": int(head[4]),
                "key": None if key_length < 0 else output[head.end() : key_end],
                "value": None if value_length < 0 else output[key_end:value_end],
                "headers": [(name.decode(), value) for name, _, value in headers],
            }
            position = value_end

    def offsets_at(self, bootstrap, topic, partition, timestamps):
        found = []
        for timestamp in timestamps:
            line = run("-Q", "-b", bootstrap, "-t", f"{topic}:{partition}:{timestamp}").decode()
            found.append(int(re.search(r"offset (-?\d+)", line)[1]))
        return found

    def hammer(self, *arguments):
        return [*self._live(), "hammer", *map(str, arguments)]

    def member(self, *arguments):
        return [*self._live(), "member", *map(str, arguments)]

    @staticmethod
    def _live() -> list[str]:
        return [sys.executable, str(peers.CLIENTS / "python" / "kcat_live.py")]
