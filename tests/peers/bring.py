"""Client programs of the matrix, made on first use in the cache of peers.py.

What a plain Debian 12 cannot run (it lacks a recent Go, Rust and Node) is not run and says so;
where CI=true, that is a failure.
"""

import os
import pathlib
import re
import shutil
import subprocess

import peers

# From 1.21 on, Go fetches by itself the toolchain that go.mod asks for.
GO_LEAST = (1, 21)
NODE_LEAST = (20, 0)
RUST_LEAST = (1, 85)


PIP_REMEDY = (
    "is PyPI reachable, and is its certificate one that pip trusts? A proxy, mirror or certificate"
    " goes into pip.conf"
)
GO_REMEDY = "is the Go module proxy reachable? GOPROXY names another"
CARGO_REMEDY = "is crates.io reachable? A mirror goes into ~/.cargo/config.toml"
NPM_REMEDY = "is the npm registry reachable? Another goes into ~/.npmrc"


class NotRun(Exception):
    """A toolchain is missing; the text names it."""


def _version(*command: str) -> tuple[int, ...]:
    if not shutil.which(command[0]):
        return ()
    text = subprocess.run(command, capture_output=True, text=True).stdout
    found = re.search(r"(\d+)\.(\d+)", text)
    return tuple(map(int, found.groups())) if found else ()


def _files(directory: pathlib.Path) -> list[pathlib.Path]:
    return sorted(path for path in directory.iterdir() if path.is_file())


def java_classes(version: str) -> pathlib.Path:
    """The Java client programs, and what runs tools where a version has them, compiled against
    that version's jars."""
    directory = peers.cache() / f"java-{version}"
    sources = _files(peers.CLIENTS / "java")
    if version in peers.VERSIONS:
        sources += _files(peers.CLIENTS / "java" / "with_tools")
    with peers.made_once(
        directory, peers.pom(version), *sources
    ) as missing:
        if missing:
            command = [
                "javac",
                "-proc:none",
                "-d",
                str(directory),
                "-cp",
                peers.class_path(version),
            ]
            subprocess.run([*command, *map(str, sources)], check=True)
    return directory


def go_clients() -> pathlib.Path:
    """The binary with the Go clients."""
    if _version("go", "version") < GO_LEAST:
        raise NotRun(f"go {'.'.join(map(str, GO_LEAST))} or newer is missing")
    directory = peers.cache() / "go"
    with peers.made_once(directory, *_files(peers.CLIENTS / "go")) as missing:
        if missing:
            print("peers: building the Go clients", flush=True)
            environment = os.environ | {"CGO_ENABLED": "0"}
            command = ["go", "build", "-o", str(directory / "clients"), "."]
            where = {"cwd": peers.CLIENTS / "go", "env": environment}
            peers.fetch(command, "the Go clients", GO_REMEDY, **where)
    return directory / "clients"


def rust_client() -> pathlib.Path:
    """The binary with the Rust clients."""
    if _version("cargo", "--version") < RUST_LEAST:
        raise NotRun(f"cargo {'.'.join(map(str, RUST_LEAST))} or newer is missing")
    directory = peers.cache() / "rust"
    sources = peers.CLIENTS / "rust"
    with peers.made_once(directory, *_files(sources)) as missing:
        if missing:
            print("peers: building the Rust clients, librdkafka among them", flush=True)
            command = ["cargo", "build", "--locked", "--quiet", "--target-dir", str(directory)]
            peers.fetch(command, "the Rust clients", CARGO_REMEDY, cwd=sources)
    return directory / "debug" / "clients"


def node_clients() -> pathlib.Path:
    """The directory with the Node programs and their packages."""
    if _version("node", "--version") < NODE_LEAST or not shutil.which("npm"):
        raise NotRun(f"node {NODE_LEAST[0]} or newer, with npm, is missing")
    directory = peers.cache() / "node"
    sources = _files(peers.CLIENTS / "node")
    with peers.made_once(directory, *sources) as missing:
        if missing:
            print("peers: fetching the Node clients", flush=True)
            for source in sources:
                shutil.copy(source, directory)
            command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
            command += ["--loglevel=error"]
            peers.fetch(command, "the Node clients", NPM_REMEDY, cwd=directory)
    return directory


def newer_node() -> str:
    """The Node that came with the packages, for those that the system's is too old for."""
    for found in sorted(node_clients().glob("node_modules/node-linux-*/bin/node")):
        return str(found)
    raise NotRun("npm has no Node for this machine")


def everything() -> list[str]:
    """Brings all that the tests use; returns what could not be, with the reason."""
    for version in peers.CLIENT_VERSIONS + peers.VERSIONS:
        java_classes(version)
    missing = []
    for bring in (go_clients, rust_client, node_clients):
        try:
            bring()
        except NotRun as reason:
            missing.append(str(reason))
    return missing


def venv() -> pathlib.Path:
    """The Python with pytest and the Python clients; made by any Python 3.11 or newer."""
    directory = peers.cache() / "python"
    requirements = peers.CLIENTS / "python" / "requirements.txt"
    with peers.made_once(directory, requirements) as missing:
        if missing:
            print("peers: fetching the Python clients", flush=True)
            subprocess.run(["python3", "-m", "venv", str(directory)], check=True)
            pip = [str(directory / "bin" / "pip"), "install", "-q", "--only-binary", ":all:"]
            peers.fetch([*pip, "-r", str(requirements)], "the Python clients", PIP_REMEDY)
    return directory / "bin" / "python"
