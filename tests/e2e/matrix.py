"""The table of the matrix: what is known beforehand, what was found, and the page made of it."""

import json

from clients import CLIENTS
from node import ROOT

TABLE = ROOT / "docs" / "clients.md"
# What is known so far: a run of some clients or scenarios replaces theirs alone.
KNOWN = ROOT / "build" / "results" / "matrix.json"
LIVES = "restart and kill -9"
SCENARIOS = ("produce", "consume", "seek by time", "group", "share", LIVES)
# Marks what worked in a run without Kafka, where no comparison is known.
ALONE = " \\*"
NOT_SUPPORTED = "not supported by the client"
# What a client lacks, and why; a scenario that is not named here must work.
UNSUPPORTED = {
    ("rskafka", "group"): "it knows no groups",
    ("rskafka", "share"): "it knows no groups",
    ("kafkajs", "consume"): "it consumes in groups only",
    ("platformatic", "consume"): "it consumes in groups only",
    ("platformatic-newest", "consume"): "it consumes in groups only",
}
# Where the outcome may differ from Kafka's, and why.
DIFFERENCES: dict[tuple[str, str], str] = {}
HEAD = """# Clients

Made by `tools/test matrix`: each program of `tests/peers/clients` against Karst and against Apache
Kafka 4.2, outcomes compared. "Yes" means: it works, and comes to the same as with Kafka; with an
asterisk: it works, and was not compared in the run that made this page.

- *produce*: acknowledgements and codecs as listed; keys, headers, empty and absent values. What is
  sent with acks 0 may be lost where a client ends before the broker has read it, with Kafka too.
- *consume*: everything from the beginning, without a group.
- *seek by time*: the first record at or after a time, exact inside compressed batches.
- *group*: subscribes, commits, leaves; the next member goes on after what was committed.
- *share*: two members share the partitions; one leaves, and the other gets them all.
- *restart and kill -9*: produces and consumes in a group while the broker is restarted, then
  killed; no acknowledged record is lost, none of an idempotent producer is there twice, and no
  committed offset goes back. A client without groups produces, and another reads.

"""


def first_cells(name: str, client) -> str:
    return f"| {client.language} | {client.library} | {client.version()} |"


class Results:
    def __init__(self):
        known = json.loads(KNOWN.read_text()) if KNOWN.exists() else []
        self.cells = {(name, scenario): cell for name, scenario, cell in known}

    def add(self, name: str, scenario: str, outcome: str, compared: bool = True) -> None:
        if scenario == "produce" and outcome == "yes":
            client = CLIENTS[name]
            outcome = f"acks {', '.join(client.acks)}; {', '.join(client.codecs)}"
        if compared or self.cells.get((name, scenario)) != outcome:
            self.cells[name, scenario] = outcome if compared else outcome + ALONE

    def write(self) -> None:
        """The page, once every cell is known."""
        KNOWN.parent.mkdir(parents=True, exist_ok=True)
        KNOWN.write_text(json.dumps([[*key, cell] for key, cell in self.cells.items()]))
        lines = ["| language | client | version | " + " | ".join(SCENARIOS) + " |"]
        lines.append("|---" * (3 + len(SCENARIOS)) + "|")
        for name, client in CLIENTS.items():
            cells = [self.cells.get((name, scenario)) for scenario in SCENARIOS]
            if None in cells:
                return
            lines.append(f"{first_cells(name, client)} {' | '.join(cells)} |")
        TABLE.parent.mkdir(exist_ok=True)
        TABLE.write_text(HEAD + "\n".join(lines) + "\n")
