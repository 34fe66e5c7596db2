#!/usr/bin/env python3
"""Every test of the project, step by step; tools/test calls this once all packages are there.

Each step builds what it needs, prints what it does, and adds to the counts of the last line:
`N passed, M failed`. Where CI=true, a client that could not be run counts as failed.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import xml.etree.ElementTree
from collections.abc import Callable

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
RESULTS = BUILD / "results"
BINARY_SECONDS_MAX = 900
E2E_SECONDS_MAX = 1500
MATRIX_SECONDS_MAX = 3600
# Tests that say so are left out on purpose, and are not counted as not run.
ELSEWHERE = ("in tools/test matrix", "not supported by the client")
# What crosses cores: these run under ThreadSanitizer, on real threads.
CROSS_CORE = ("mailbox", "machine", "submit_to", "foreign", "cross_core", "concurren", "thread")
# Random traces of the log on simulated disks: so many run without sanitizers, where one takes
# about ten milliseconds. The first seed is always the same; a failure names the seed.
TRACES = "log_lives.*"
TRACES_SEEDS = "5000"
# These count allocations, of which sanitizers make their own.
HOT_PATH = "*hot_path*"

sys.path.insert(0, str(ROOT / "tests" / "peers"))

import bring  # noqa: E402
import peers  # noqa: E402


class Counts:
    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.failures: list[str] = []
        self.not_run: list[str] = []  # clients whose toolchain is missing
        self.skipped: list[str] = []  # what this machine's kernel does not offer

    def fail(self, what: str) -> None:
        self.failed += 1
        self.failures.append(what)


def say(text: str) -> None:
    print(text, flush=True)


def run(command: list, **options) -> subprocess.CompletedProcess:
    return subprocess.run([str(word) for word in command], cwd=ROOT, **options)


def build(preset: str, *targets: str, options: tuple[str, ...] = ()) -> bool:
    """Configures and builds; what goes wrong is printed by cmake and ninja."""
    quiet = run(["cmake", "--preset", preset, *options], capture_output=True, text=True)
    if quiet.returncode != 0:
        say(quiet.stdout + quiet.stderr)
        return False
    return run(["cmake", "--build", BUILD / preset, "--target", *targets]).returncode == 0


def test_targets(preset: str) -> list[str]:
    listed = run(["ninja", "-C", BUILD / preset, "-t", "targets", "all"], capture_output=True)
    return sorted(set(re.findall(r"^(test_\w+): ", listed.stdout.decode(), re.MULTILINE)))


def run_shard(
    preset: str, name: str, pattern: str, shard: int, shards: int, environment: dict[str, str]
) -> tuple[int | None, dict | None]:
    """One process with its share of the tests: its status, None when it did not end, and report."""
    report = RESULTS / f"{preset}-{name}-{shard}.json"
    report.unlink(missing_ok=True)
    arguments = ["--gtest_brief=1", f"--gtest_filter={pattern}", f"--gtest_output=json:{report}"]
    share = {"GTEST_TOTAL_SHARDS": str(shards), "GTEST_SHARD_INDEX": str(shard)}
    try:
        status = run(
            [BUILD / preset / name, *arguments],
            timeout=BINARY_SECONDS_MAX,
            env=os.environ | environment | share,
        ).returncode
    except subprocess.TimeoutExpired:
        return None, None
    return status, json.loads(report.read_text()) if report.exists() else None


def run_binary(
    counts: Counts, preset: str, name: str, pattern: str = "*", shards: int = 1, **environment: str
) -> None:
    """Runs one GoogleTest binary, in so many processes at once, and reads its counts."""
    with concurrent.futures.ThreadPoolExecutor(shards) as pool:
        shares = range(shards)
        done = pool.map(
            lambda shard: run_shard(preset, name, pattern, shard, shards, environment), shares
        )
    tests = 0
    for status, found in done:
        if status is None:
            counts.fail(f"{name} ({preset}): did not end within {BINARY_SECONDS_MAX} s")
        elif found is None:
            counts.fail(f"{name} ({preset}): died with status {status}")
        else:
            tests += found["tests"]
            count_tests(counts, f"{name} ({preset})", status, found)
            continue
        return
    if tests == 0:
        counts.fail(f"{name} ({preset}): no test matches {pattern}")


def count_tests(counts: Counts, title: str, status: int, found: dict) -> None:
    failed = found["failures"]
    skipped = 0
    for suite in found["testsuites"]:
        for case in suite["testsuite"]:
            test = f"{suite['name']}.{case['name']}, {title}"
            if case.get("failures"):
                counts.failures.append(test)
            elif case.get("result") == "SKIPPED":
                skipped += 1
                counts.skipped.append(test)
    counts.failed += failed
    counts.passed += found["tests"] - found.get("disabled", 0) - failed - skipped
    if status != 0 and failed == 0:
        counts.fail(f"{title}: ended with status {status} after its tests")


def step_tidy(counts: Counts) -> None:
    own = run([sys.executable, "tests/tidy/test_tidy.py"], capture_output=True, text=True)
    number = int(re.search(r"Ran (\d+) tests", own.stderr)[1])
    if own.returncode == 0:
        counts.passed += number
    else:
        say(own.stderr)
        counts.fail("the tests of tidy itself")
    tidy = run([sys.executable, "tests/tidy/tidy.py"], capture_output=True, text=True)
    for line in tidy.stdout.splitlines():
        if line.startswith("ok "):
            counts.passed += 1
        elif line.startswith("FAIL "):
            counts.fail("tidy: " + line.removeprefix("FAIL ").strip())
    if tidy.returncode != 0:
        say(tidy.stdout + tidy.stderr)


def brought(counts: Counts, fetch: Callable[[], object]) -> bool:
    """Fetches what a step needs, once; what cannot be fetched has been said, and fails the step."""
    try:
        fetch()
    except SystemExit as why:
        say(str(why))
        counts.fail(str(why))
        return False
    return True


def unit_binaries() -> list[str]:
    return [name for name in test_targets("asan") if name != "test_sim"]


def step_unit(counts: Counts) -> None:
    run(["cmake", "--preset", "asan"], capture_output=True)
    if not build("asan", *unit_binaries()):
        counts.fail("the build of the unit tests")
        return
    # Messages are compared with those in Kafka's jars.
    brought(counts, lambda: [peers.jars(version) for version in peers.VERSIONS])
    for name in unit_binaries():
        run_binary(counts, "asan", name, f"*-{HOT_PATH}")


def step_cross_core(counts: Counts) -> None:
    if not build("tsan", "test_reactor"):
        counts.fail("the build of the cross-core tests")
        return
    listed = run(
        [BUILD / "tsan" / "test_reactor", "--gtest_list_tests"], capture_output=True, text=True
    )
    names, suite = [], ""
    for line in listed.stdout.splitlines():
        if line and not line.startswith(" "):
            suite = line.split()[0]
        elif line.strip():
            names.append(suite + line.split()[0])
    chosen = [name for name in names if any(word in name.lower() for word in CROSS_CORE)]
    run_binary(counts, "tsan", "test_reactor", ":".join(chosen) or "no cross-core test")


def step_sim(counts: Counts) -> None:
    if not build("asan", "test_sim"):
        counts.fail("the build of the simulation tests")
        return
    run_binary(counts, "asan", "test_sim", shards=os.cpu_count() or 1)
    if not build("release", "test_sim", options=("-DKARST_TESTS=ON",)):
        counts.fail("the build of the random traces")
        return
    run_binary(counts, "release", "test_sim", TRACES, KARST_SIM_SEEDS=TRACES_SEEDS)


def step_hot_path(counts: Counts) -> None:
    if not build("release", "test_reactor", options=("-DKARST_TESTS=ON",)):
        counts.fail("the build of the hot path's tests")
        return
    run_binary(counts, "release", "test_reactor", HOT_PATH)


def step_e2e(counts: Counts, arguments: list[str]) -> None:
    run_pytest(counts, "e2e", ["tests/e2e", *arguments], E2E_SECONDS_MAX)


def step_matrix(counts: Counts, arguments: list[str]) -> None:
    tests = ["tests/e2e/test_matrix.py", "tests/e2e/test_group_tools.py"]
    tests += ["tests/e2e/test_clients.py", "-v", "-rs"]
    run_pytest(counts, "matrix", [*tests, *arguments], MATRIX_SECONDS_MAX, KARST_E2E_MATRIX="whole")


def run_pytest(
    counts: Counts, name: str, arguments: list[str], seconds_max: int, **environment: str
) -> None:
    if run(["tools/build"]).returncode != 0:
        counts.fail("the release build")
        return
    if not brought(counts, lambda: (bring.venv(), bring.everything())):
        return
    python = bring.venv()
    report = RESULTS / f"{name}.xml"
    report.unlink(missing_ok=True)
    command = [python, "-m", "pytest", f"--junitxml={report}", "--durations=5", *arguments]
    try:
        status = run(command, timeout=seconds_max, env=os.environ | environment).returncode
    except subprocess.TimeoutExpired:
        counts.fail(f"{name}: did not end within {seconds_max} s")
        return
    if not report.exists():
        counts.fail(f"{name}: pytest ended with status {status} and no report")
        return
    for case in xml.etree.ElementTree.parse(report).iter("testcase"):
        title = f"{case.get('classname')}.{case.get('name')}"
        if case.find("failure") is not None or case.find("error") is not None:
            counts.fail(title)
        elif (skipped := case.find("skipped")) is not None:
            message = skipped.get("message")
            if not message.startswith(ELSEWHERE):
                counts.not_run.append(f"{title}: {message}")
        else:
            counts.passed += 1


STEPS = {
    "tidy": (step_tidy, "house rules"),
    "unit": (step_unit, "unit tests under AddressSanitizer and UndefinedBehaviorSanitizer"),
    "cross-core": (step_cross_core, "cross-core tests under ThreadSanitizer"),
    "sim": (step_sim, "simulated disks, networks and power cuts"),
    "hot-path": (step_hot_path, "allocations and system calls, which sanitizers would hide"),
    "e2e": (step_e2e, "real clients against build/release/karst"),
    "matrix": (step_matrix, "every client in every scenario, as with Kafka; makes docs/clients.md"),
}
# These run only where they are named.
ON_DEMAND = ("matrix",)
WITH_PYTEST = ("e2e", "matrix")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "steps", nargs="*", metavar="STEP", help=f"of {', '.join(STEPS)}; if none, all but matrix"
    )
    separator = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    arguments = parser.parse_args(sys.argv[1:separator])
    for_pytest = sys.argv[separator + 1 :]
    unknown = [step for step in arguments.steps if step not in STEPS]
    if unknown:
        parser.error(f"no step {unknown[0]!r}; there are {', '.join(STEPS)}")
    RESULTS.mkdir(parents=True, exist_ok=True)
    counts = Counts()
    started = time.monotonic()
    for name in arguments.steps or [name for name in STEPS if name not in ON_DEMAND]:
        step, what = STEPS[name]
        say(f"\n=== {name}: {what}")
        before = time.monotonic()
        passed, failed = counts.passed, counts.failed
        step(counts, for_pytest) if name in WITH_PYTEST else step(counts)
        say(
            f"=== {name}: {counts.passed - passed} passed, {counts.failed - failed} failed,"
            f" {time.monotonic() - before:.0f} s"
        )
    return summary(counts, time.monotonic() - started)


def summary(counts: Counts, seconds: float) -> int:
    say(f"\nAll of it took {seconds:.0f} s.")
    for title in counts.failures:
        say(f"FAILED {title}")
    for title in counts.skipped:
        say(f"SKIPPED {title}")
    for title in counts.not_run:
        say(f"NOT RUN {title}")
    if os.environ.get("CI") == "true":
        counts.failed += len(counts.not_run)
    say(f"{counts.passed} passed, {counts.failed} failed")
    return 1 if counts.failed or not counts.passed else 0


if __name__ == "__main__":
    sys.exit(main())
