#!/usr/bin/env python3
"""Removes each rule of log/STORAGE.md, one at a time, and shows that a test fails without it.

    tests/sim/invariants.py [I-7 ...]     all, or these

Works in a copy of the checkout's last commit under build/invariants; about a minute each. A rule
whose removal no test notices, or whose code is not found any more, is a failure of this script.
"""

import dataclasses
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
COPY = ROOT / "build" / "invariants"
SECONDS_MAX = 600


@dataclasses.dataclass(frozen=True)
class Removal:
    invariant: str
    rule: str
    file: str
    old: str
    new: str
    tests: str  # GoogleTest filter
    binary: str = "test_sim"


REMOVALS = [
    Removal(
        "I-1",
        "an acknowledgement waits for its group and all before it",
        "log/journal.cc",
        "while (!failed_ && !flying_.empty() && flying_.front()->done) {",
        "while (!failed_ && !flying_.empty() && flying_.back()->done) {",
        "log_cut*:log_lives*",
    ),
    Removal(
        "I-2",
        "the durable end is a contiguous durable prefix",
        "log/disk_log.cc",
        "if (end > durable_end_) durable_end_ = end;",
        "durable_end_ = std::max(end, end_);",
        "log_cut*:log_lives*",
    ),
    Removal(
        "I-3",
        "the high watermark served is not above the durable end",
        "cluster/partition.h",
        "log::offset high_watermark() const { return log_.durable_end(); }",
        "log::offset high_watermark() const { return log_.log_end(); }",
        "partition*",
        "test_cluster",
    ),
    Removal(
        "I-4",
        "a group counts only if header, hash, run, chain and sequence match",
        "log/journal_reader.cc",
        "candidate = whole(*header, *bytes);",
        "candidate = whole(*header, *bytes) || true;",
        "log_cut*:log_damage*:log_lives*",
    ),
    Removal(
        "I-5",
        "a valid group far behind a bad one is damage",
        "log/journal_reader.cc",
        "if (candidate && header->sequence > scan.stray_sequence) {",
        "if (false) {",
        "log_damage*",
    ),
    Removal(
        "I-6",
        "groups begin and end on 4,096",
        "log/journal_group.cc",
        "all.push_back({memory_.data(), align_up(entry_bytes_, block_size)});",
        "all.push_back({memory_.data(), entry_bytes_});",
        "log_cut*",
    ),
    Removal(
        "I-7",
        "a journal file is reused only when its bytes are in segments or carried",
        "log/disk_log.cc",
        "    if (!reached) return;\n",
        "    if (!reached && durable_end_ < offset{0}) return;\n",
        "log_cut*:log_lives*",
    ),
    Removal(
        "I-8",
        "the live window holds a state for every log",
        "log/disk_log.cc",
        "  auto ordinal = state_ordinal_;\n"
        "  if (!marks_.empty()) ordinal = std::min(ordinal, marks_.front().ordinal);\n",
        "  auto ordinal = marks_.empty() ? 0 : marks_.front().ordinal;\n",
        "log_cut*:log_lives*:log_state*",
    ),
    Removal(
        "I-9",
        "live_from says what is needed and never falls",
        "log/journal.cc",
        "    if (!used.pins.empty()) return used.first_sequence;\n",
        "    if (used.ordinal == 0) return used.first_sequence;\n",
        "log_cut*:log_lives*",
    ),
    Removal(
        "I-10",
        "recovery overwrites nothing that journals still decide",
        "log/disk_log_directory.cc",
        "if (old.live || cut_short) {",
        "if (cut_short) {",
        "log_recovery_cut*:log_reuse*:log_lives*",
    ),
    Removal(
        "I-11",
        "recovery cut anywhere and run again gives the same logs",
        "log/disk_log_directory.cc",
        "    auto settled = co_await submit_to(core, [settling] { return settling->settle(); });\n"
        "    if (!settled) co_return settled;\n",
        "    (void)settling;\n",
        "log_recovery_cut*:log_reuse*:log_lives*",
    ),
    Removal(
        "I-12",
        "the highest generation alone decides",
        "log/recovery.cc",
        "if (!fresh && log.state.generation > state.generation) return;",
        "",
        "log_cut*:log_recovery*:log_reuse*:log_lives*",
    ),
    Removal(
        "I-13",
        "no block with acknowledged bytes is overwritten unless a live journal has them",
        "log/disk_log.cc",
        "if (!head_journaled_) add_state(snapshot(), entry_type::state);",
        "head_journaled_ = true;",
        "log_cut*:log_lives*",
    ),
    Removal(
        "I-14",
        "no segment write straddles written and unwritten extents",
        "log/disk_log_stage.cc",
        "if (from < part->written) until = std::min(until, part->written);",
        "",
        "log_cut*:log_restart*:log_lives*",
    ),
    Removal(
        "I-15",
        "memory under I/O is not modified",
        "log/disk_log_stage.cc",
        "  pieces.to_iovecs(vectors);\n",
        "  pieces.to_iovecs(vectors);\n"
        "  if (!vectors.empty()) std::memset(vectors[0].iov_base, 0, 1);\n",
        "log_cut*",
    ),
    Removal(
        "I-16",
        "a log's end never comes from a file's length",
        "log/disk_log_manager_start.cc",
        "      part->size = part->allocated = state.durable_through.at.value;\n",
        "      auto status = co_await status_of(part->path(segment_file::log));\n"
        "      part->size = part->allocated = status->size;\n",
        "log_cut*:log_recovery*:log_state*",
    ),
    Removal(
        "I-17",
        "bytes above the end are zero before the next append",
        "log/disk_log_stage.cc",
        "  if (status->size > staged_.at.value) {\n",
        "  if (false) {\n",
        "log_cut*:log_recovery*:log_lives*:log_end*",
    ),
    Removal(
        "I-18",
        "a truncation begins with no segment write in flight",
        "log/disk_log_truncate.cc",
        "    if (auto* busy = moving()) {\n",
        "    if (auto* busy = moving(); busy != nullptr && end_ < durable_end_) {\n",
        "log_truncate*:log_cut*:log_lives*",
    ),
    Removal(
        "I-19",
        "a bad checksum below durable_through takes the partition offline and is never cut",
        "log/segment.cc",
        "      co_return fail(karst::errc::corrupt);\n    }\n    from += consumed;",
        "      co_return expected<>{};\n    }\n    from += consumed;",
        "log_damage*:log_read_damage*:log_state*",
    ),
    Removal(
        "I-20",
        "log ids are never used again",
        "cluster/topics.cc",
        "partition.log = log::log_id{clock.random()};",
        "partition.log = log::log_id{1 + static_cast<std::uint64_t>(clock.random() * 0)};",
        "topics*",
        "test_cluster",
    ),
    Removal(
        "I-21",
        "file and directory are synced before a write there is acknowledged",
        "log/disk_log_manager.cc",
        "  if (made) made = co_await sync_directory(path);\n",
        "",
        "log_cut*:log_lives*",
    ),
    Removal(
        "I-22",
        "the log start is durable before a file goes",
        "log/retention.cc",
        "  if (auto carried = co_await carry(); !carried) co_return carried;\n",
        "",
        "log_retention*",
    ),
    Removal(
        "I-23",
        "recovery reads at most the journal window and the index gap",
        "log/disk_log.cc",
        "      index_valid_(state.index_valid_through.value) {",
        "      index_valid_(0) {",
        "log_recovery.*:log_state*",
    ),
    Removal(
        "I-24",
        "undestaged memory is at most 1.4 times the window",
        "log/tail_cache.cc",
        "  if (used_ + bytes > most_ && used_ != 0) return nullptr;\n",
        "",
        "tail*",
        "test_log",
    ),
    Removal(
        "I-26",
        "a journal file's header says that it is used before a group in it counts",
        "log/journal.cc",
        "  if (!target.used) written = co_await mark_used(target);\n",
        "",
        "log_restart*:log_lives*",
    ),
    Removal(
        "I-25",
        "after a failed write nothing is acknowledged, retried or reused",
        "log/journal.cc",
        "    fail_writes(fmt::format(\"writing {} at {}: {}\", target.path, group.position,\n"
        "                            describe(written.error())));\n    co_return;\n",
        "",
        "*log_fault*",
    ),
    Removal(
        "C-1",
        "before segments are exchanged the journal says that it holds nothing of them",
        "log/compaction_pass.cc",
        "if (auto carried = co_await log_.carry(); !carried) co_return stopped();",
        "",
        "*log_compaction_cut*",
    ),
    Removal(
        "C-2",
        "the names of an exchange are durable before its decision is forgotten",
        "log/compaction_swap.cc",
        "  if (auto synced = co_await sync_directory(directory); !synced) co_return synced;\n",
        "",
        "*log_compaction_cut*",
    ),
    Removal(
        "C-3",
        "whoever reads a replaced segment looks up again",
        "log/disk_log_compaction.cc",
        "      part->retired = true;\n",
        "",
        "*log_compaction*",
    ),
    Removal(
        "C-4",
        "memory holds nothing of a replaced segment",
        "log/disk_log_compaction.cc",
        "  while (!tail_.forget_through(old.back()->base(), pieces_at_once)) co_await yield{};\n",
        "  (void)pieces_at_once;\n",
        "*log_compaction*",
    ),
    Removal(
        "C-5",
        "what was cleaned is durable before an exchange is decided",
        "log/cleaned_segment.cc",
        "  if (done) done = co_await target_.sync();\n",
        "",
        "*log_compaction_cut*",
    ),
]


def run(command: list, **options) -> subprocess.CompletedProcess:
    return subprocess.run([str(word) for word in command], **options)


def build(binary: str) -> bool:
    command = ["cmake", "--build", COPY / "build" / "debug", "--target", binary]
    done = run(command, cwd=COPY, capture_output=True, text=True)
    if done.returncode != 0:
        print(done.stdout[-3000:])
    return done.returncode == 0


def first_failure(binary: str, tests: str) -> str:
    """The first test that fails, or what else ended the run; empty when all pass."""
    command = [COPY / "build" / "debug" / binary, f"--gtest_filter={tests}", "--gtest_fail_fast"]
    try:
        done = run(command, capture_output=True, text=True, timeout=SECONDS_MAX)
    except subprocess.TimeoutExpired:
        return f"no end within {SECONDS_MAX} s"
    if done.returncode == 0:
        return ""
    lines = done.stdout.splitlines()
    failed = [line for line in lines if line.startswith("[  FAILED  ] ")]
    if failed:
        return failed[0].split()[3].rstrip(",")
    running = [line for line in lines if line.startswith("[ RUN ")]
    return f"{running[-1].split()[3]}, by an assertion"


def try_without(removal: Removal) -> bool:
    path = COPY / removal.file
    text = path.read_text()
    if not removal.old or text.count(removal.old) != 1:
        print(f"{removal.invariant}  ??    {removal.file} has no longer the code of this rule")
        return False
    path.write_text(text.replace(removal.old, removal.new))
    try:
        if not build(removal.binary):
            print(f"{removal.invariant}  ??    does not build without the rule")
            return False
        noticed = first_failure(removal.binary, removal.tests)
    finally:
        path.write_text(text)
    print(f"{removal.invariant:5} {'ok   ' if noticed else 'UNSEEN'} {removal.rule}: {noticed}")
    return bool(noticed)


def main(wanted: list[str]) -> int:
    if not COPY.exists():
        run(["git", "clone", "-q", ROOT, COPY], check=True)
    run(["git", "fetch", "-q", "origin"], cwd=COPY, check=True)
    asked = run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    run(["git", "reset", "-q", "--hard", asked.stdout.strip()], cwd=COPY, check=True)
    run(["cmake", "--preset", "debug"], cwd=COPY, check=True, stdout=subprocess.DEVNULL)
    os.environ.setdefault("CMAKE_BUILD_PARALLEL_LEVEL", "2")
    for binary in sorted({each.binary for each in REMOVALS}):
        tests = ":".join(each.tests for each in REMOVALS if each.binary == binary)
        if not build(binary) or (failed := first_failure(binary, tests)):
            print(f"{binary} fails as it is: {failed}")
            return 1
    chosen = [each for each in REMOVALS if not wanted or each.invariant in wanted]
    unseen = [each.invariant for each in chosen if not try_without(each)]
    print(f"{len(chosen) - len(unseen)} of {len(chosen)} rules are held by a test", *unseen)
    return 1 if unseen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
