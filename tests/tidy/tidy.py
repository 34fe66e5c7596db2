#!/usr/bin/env python3
"""The house rules that a machine can check: include arrows, sizes, banned calls, format.

  tools/tidy [--fix] [ROOT]     --fix runs clang-format over what needs it

Each rule is a function that takes the sources and yields what is wrong: `path:line: what; remedy`.
"""

import argparse
import pathlib
import re
import shutil
import statistics
import subprocess
import sys

from source import Source, load_sources, text_files

CXX = (".cc", ".h")
FOLDERS = ("reactor", "log", "net", "cluster", "tools", "bench", "tests")

# What each folder may include, besides itself. tools, bench and tests may include anything.
ARROWS = {
    "reactor": set(),
    "log": {"reactor"},
    "net": {"reactor"},
    "cluster": {"net", "log", "reactor"},
}

FILE_LINES_MAX = 600
FILE_LINES_MEDIAN = 150
FILE_LINES_P90 = 400
FUNCTION_LINES_MAX = 70
COLUMNS_MAX = 100

# What a simulated machine must control goes through reactor/; elsewhere these are refused.
BANNED_HEADERS = re.compile(
    r"#include <(sys/(?!types\.h).*|unistd\.h|fcntl\.h|poll\.h|pthread\.h|netinet/.*|arpa/.*"
    r"|netdb\.h|signal\.h|linux/.*|liburing\.h|time\.h|ctime|csignal|thread|mutex|shared_mutex"
    r"|condition_variable|future|semaphore|stop_token|latch|barrier|random|fstream|filesystem"
    r"|unordered_map|unordered_set|iostream)>"
)
SYSTEM_CALLS = (
    "open openat read write pread pwrite pwritev preadv close fsync fdatasync ftruncate fallocate"
    " mmap munmap unlink rename mkdir stat fstat socket bind listen accept accept4 connect send"
    " recv sendmsg recvmsg poll ioctl fcntl getenv"
)
TIME_CALLS = "time|clock|gettimeofday|clock_gettime|localtime|gmtime"
RANDOM_TYPES = "random_device|mt19937|mt19937_64|default_random_engine"
THREAD_TYPES = "thread|jthread|async|mutex|shared_mutex|condition_variable|atomic"
PROCESS_CALLS = "usleep|nanosleep|sleep|fork|execve?|system|popen|kill|signal|sigaction"
ASK_CLOCK = "ask core::current().clock()"
ASK_RANDOM = "ask core::current() for random bits"
BANNED_CALLS = {
    r"std::chrono::(system|steady|high_resolution)_clock": ASK_CLOCK,
    rf"(?<![\w.>:])(std::|::)?({TIME_CALLS})\s*\((?!\))": ASK_CLOCK,
    r"(?<![\w.>:])(std::)?(rand|srand|random|getrandom|arc4random)\s*\(": ASK_RANDOM,
    rf"std::({RANDOM_TYPES})": ASK_RANDOM,
    rf"std::({THREAD_TYPES})\b": "one core owns it; cross with submit_to",
    rf"(?<![\w.>:])({PROCESS_CALLS})\s*\(": "outside reactor/ nothing calls the system",
    rf"(?<![\w.>])::({SYSTEM_CALLS.replace(' ', '|')})\s*\(": "use reactor's file.h or socket.h",
    r"std::unordered_(map|set)\b": "use hash_map of reactor/base/hash.h",
    r"(?<![\w.>])throw\b(?!\(\))": "return an expected<T, error>",
}
# Where a rule above does not hold, and why.
ALLOWED = {
    ("cluster/config_environment.cc", "getenv"): "KAFKA_* variables are part of the configuration",
}

CAPTURING_COROUTINE = re.compile(
    r"\[[^\[\]\n]+\]\s*(\([^()]*(\([^()]*\)[^()]*)*\))?\s*(mutable\s*)?"
    r"->\s*(karst::)?task\b"
)
LAMBDA = re.compile(
    r"\[[^\[\]\n]*\]\s*(\([^()]*(\([^()]*\)[^()]*)*\))?\s*(mutable\s*)?(->[^{;]*)?\{"
)
PROMISE = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
DESK = re.compile(r"\.\./sha" r"red\b|/work/(sha" r"red|wt|main)\b")


def include_arrows(sources: list[Source]):
    for source in sources:
        if source.folder not in ARROWS or source.path.suffix not in CXX:
            continue
        for number, line in enumerate(source.lines, 1):
            match = re.match(r'\s*#include\s+"([^"/]+)/', line)
            if not match or match[1] == source.folder:
                continue
            if match[1] not in ARROWS[source.folder]:
                allowed = ", ".join(sorted(ARROWS[source.folder])) or "nothing else"
                what = f"{source.folder} includes {match[1]}"
                yield f"{source.at(number)}: {what}; it may include {allowed}"


def relative_includes(sources: list[Source]):
    for source in sources:
        if source.path.suffix not in CXX:
            continue
        for number, line in enumerate(source.lines, 1):
            match = re.match(r'\s*#include\s+"([^"]+)"', line)
            if match and match[1].split("/")[0] not in FOLDERS:
                yield f'{source.at(number)}: includes "{match[1]}"; name it from the root'


def headers_start_with_pragma_once(sources: list[Source]):
    for source in sources:
        if source.path.suffix == ".h" and (not source.lines or source.lines[0] != "#pragma once"):
            yield f"{source.at(1)}: a header starts with #pragma once"


def file_sizes(sources: list[Source]):
    for source in sources:
        if len(source.lines) > FILE_LINES_MAX:
            size = len(source.lines)
            yield f"{source.at(1)}: {size} lines; split it, a file has at most {FILE_LINES_MAX}"
    lengths = sorted(len(source.lines) for source in sources if source.path.suffix in CXX)
    if len(lengths) < 10:
        return
    median = statistics.median(lengths)
    p90 = lengths[len(lengths) * 9 // 10]
    if median > FILE_LINES_MEDIAN:
        yield f"tree: the median file has {median:.0f} lines; at most {FILE_LINES_MEDIAN}"
    if p90 > FILE_LINES_P90:
        yield f"tree: one file in ten has more than {p90} lines; at most {FILE_LINES_P90}"


def function_sizes(sources: list[Source]):
    for source in sources:
        for name, start, length in source.functions():
            if length > FUNCTION_LINES_MAX:
                what = f"{name} has {length} lines"
                yield f"{source.at(start)}: {what}; split it, at most {FUNCTION_LINES_MAX}"


def line_lengths(sources: list[Source]):
    for source in sources:
        for number, line in enumerate(source.lines, 1):
            if len(line) > COLUMNS_MAX:
                yield f"{source.at(number)}: {len(line)} columns; at most {COLUMNS_MAX}"


def banned_calls(sources: list[Source]):
    for source in sources:
        if source.folder not in ("log", "net", "cluster") or source.path.suffix not in CXX:
            continue
        for number, line in enumerate(source.code_lines, 1):
            if match := BANNED_HEADERS.search(line):
                yield f"{source.at(number)}: {match[0]}; only reactor/ may, use its files"
            for pattern, remedy in BANNED_CALLS.items():
                match = re.search(pattern, line)
                if match and not _allowed(source, match[0]):
                    yield f"{source.at(number)}: {match[0].strip()}; {remedy}"


def _allowed(source: Source, found: str) -> bool:
    return any(str(source.path) == path and word in found for path, word in ALLOWED)


def _braces(code: str, start: int) -> tuple[int, int]:
    """Where the braces stand that open first after `start`."""
    first = code.find("{", start)
    depth = 0
    for index in range(first, len(code)):
        depth += (code[index] == "{") - (code[index] == "}")
        if depth == 0:
            return first, index + 1
    return first, len(code)


def _own_body(code: str, start: int) -> str:
    """The body of the lambda whose signature ends at `start`, without those of lambdas inside."""
    first, end = _braces(code, start)
    body = code[first + 1 : end]
    while match := LAMBDA.search(body):
        inner_first, inner_end = _braces(body, match.end() - 1)
        body = body[: match.start()] + body[inner_end:]
    return body


def capturing_coroutines(sources: list[Source]):
    for source in sources:
        if source.path.suffix not in CXX:
            continue
        for match in CAPTURING_COROUTINE.finditer(source.code):
            if not re.search(r"\bco_(await|return|yield)\b", _own_body(source.code, match.end())):
                continue
            number = source.code.count("\n", 0, match.start()) + 1
            yield (
                f"{source.at(number)}: a lambda with captures is a coroutine; its captures"
                " die with the lambda, pass them as parameters"
            )


def no_promises(sources: list[Source]):
    for source in sources:
        for number, line in enumerate(source.lines, 1):
            if match := PROMISE.search(line):
                yield f"{source.at(number)}: {match[0]}; do it, or say in an issue what is missing"
            if match := DESK.search(line):
                yield f"{source.at(number)}: {match[0]}; name nothing outside the project"


def named_documents_exist(sources: list[Source]):
    documents = {source.path.name for source in sources if source.path.suffix == ".md"}
    for source in sources:
        for number, line in enumerate(source.lines, 1):
            for name in re.findall(r"\b[A-Z][A-Za-z_-]*\.md\b", line):
                if name not in documents and source.folder != "tests":
                    yield f"{source.at(number)}: there is no {name} in the tree"


def clang_format(sources: list[Source], fix: bool = False):
    files = [source for source in sources if source.path.suffix in CXX]
    if not files:
        return
    program = shutil.which("clang-format-19")
    if not program:
        yield "tree: clang-format-19 is missing; tools/setup installs it"
        return
    root = files[0].root
    names = [str(source.path) for source in files]
    if fix:
        subprocess.run([program, "-i", *names], cwd=root, check=True)
        return
    found = subprocess.run([program, "--dry-run", *names], cwd=root, capture_output=True, text=True)
    wrong = sorted(
        set(
            re.findall(
                r"^([^:\n]+):\d+:\d+: warning: code should be clang-formatted",
                found.stderr,
                re.MULTILINE,
            )
        )
    )
    for name in wrong:
        yield f"{name}:1: not in the project's format; run tools/tidy --fix"
    if found.returncode != 0 and not wrong:
        yield f"tree: clang-format failed: {found.stderr.strip()}"


RULES = {
    "include arrows": include_arrows,
    "includes named from the root": relative_includes,
    "headers start with #pragma once": headers_start_with_pragma_once,
    "file sizes": file_sizes,
    "function sizes": function_sizes,
    "line lengths": line_lengths,
    "banned calls": banned_calls,
    "coroutines without captures": capturing_coroutines,
    "no promises, no desk": no_promises,
    "named documents exist": named_documents_exist,
    "clang-format": clang_format,
}
# The others look at sources only.
OVER_ALL_TEXTS = (no_promises, named_documents_exist)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "root", nargs="?", default=pathlib.Path(__file__).resolve().parents[2], type=pathlib.Path
    )
    parser.add_argument("--fix", action="store_true", help="run clang-format over what needs it")
    arguments = parser.parse_args()
    sources = load_sources(arguments.root)
    everything = sources + text_files(arguments.root)
    if arguments.fix:
        list(clang_format(sources, fix=True))
        sources = load_sources(arguments.root)
    failed = 0
    for name, rule in RULES.items():
        wrong = list(rule(everything if rule in OVER_ALL_TEXTS else sources))
        failed += bool(wrong)
        print(f"{'FAIL' if wrong else 'ok  '} {name}")
        for line in wrong:
            print(f"     {line}")
    print(f"tidy: {len(RULES) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
