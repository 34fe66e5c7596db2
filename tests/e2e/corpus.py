"""A corpus of real text from this machine: documentation, changelogs, headers and sources.

What Debian packages and package managers have brought lies around; where that is not enough, two
source packages are downloaded (not installed). Nothing is random: the same machine gives the same
records.
"""

import functools
import gzip
import itertools
import pathlib
import struct
import subprocess
import zipfile

from clients.console import RECORD_END

import peers

PLACES = (
    "/usr/share/doc",
    "/usr/include",
    "/usr/lib/llvm-19/lib/clang",
    "/usr/lib/python3",
    "/usr/lib/python3.11",
    "/usr/share/perl",
    "/usr/share/man",
    "/usr/local/go/src",
    "/usr/lib/go/src",
)
MORE_PACKAGES = ("golang-1.19-src", "openjdk-17-source")
FILE_BYTES_MAX = 8 << 20
# How much text goes into one record, over and over; 0 is a single line.
RECORD_BYTES = (0, 0, 200, 1000, 0, 4000, 400, 0, 16_000, 0, 100, 0, 800, 0, 30_000)
LARGE_EVERY, LARGE_BYTES = 2000, 500_000


def downloaded() -> pathlib.Path:
    """Two large source packages, unpacked in the cache."""
    directory = peers.cache() / "corpus"
    with peers.made_once(directory, *MORE_PACKAGES) as missing:
        if missing:
            print(f"corpus: downloading {' '.join(MORE_PACKAGES)}", flush=True)
            subprocess.run(["apt-get", "download", "-q", *MORE_PACKAGES], cwd=directory, check=True)
            for package in sorted(directory.glob("*.deb")):
                subprocess.run(["dpkg-deb", "-x", package, directory], check=True)
            for archive in sorted(directory.rglob("src.zip")):
                zipfile.ZipFile(archive).extractall(archive.parent)
    return directory


def texts():
    """The contents of every text file, in an order that stays."""
    # The last place is made only when the others were not enough.
    makers = [*(functools.partial(pathlib.Path, place) for place in PLACES), downloaded]
    for place in (make() for make in makers):
        for path in sorted(place.rglob("*")):
            if path.is_symlink() or not path.is_file() or path.stat().st_size > FILE_BYTES_MAX:
                continue
            try:
                opened = gzip.open(path) if path.suffix == ".gz" else open(path, "rb")
                with opened:
                    text = opened.read()
            except (OSError, EOFError, gzip.BadGzipFile):
                continue
            if text and b"\0" not in text and RECORD_END.encode() not in text:
                yield text


def records(bytes_min: int):
    """Cuts the texts at line ends into records of many sizes, until there are `bytes_min` bytes."""
    total = 0
    sizes = itertools.cycle(RECORD_BYTES)
    count = 0
    for text in texts():
        lines = text.splitlines(keepends=True)
        position = 0
        while position < len(lines):
            count += 1
            wanted = LARGE_BYTES if count % LARGE_EVERY == 0 else next(sizes)
            taken = [lines[position]]
            size = len(lines[position])
            position += 1
            while position < len(lines) and size + len(lines[position]) <= wanted:
                taken.append(lines[position])
                size += len(lines[position])
                position += 1
            total += size
            yield b"".join(taken)
        if total >= bytes_min:
            return


def frame(record: bytes) -> bytes:
    return struct.pack(">i", len(record)) + record
