"""Small real file systems for tests that fill or break one: ext4 on a loop device, as root."""

import contextlib
import fcntl
import os
import pathlib
import subprocess

import pytest

MIB = 1 << 20
# ext4's and xfs's way to stop a file system at once, as a dead device does: every call answers EIO.
GOING_DOWN = 0x8004587D
WITHOUT_FLUSHING_THE_LOG = 2


def _run(*command) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def need_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a file system needs root")
    if not pathlib.Path("/dev/loop-control").exists():
        pytest.skip("this kernel has no loop devices")


class Volume:
    """An ext4 file system of its own, mounted at `path`."""

    def __init__(self, directory: pathlib.Path, name: str, size: int):
        need_root()
        self.image = directory / f"{name}.img"
        self.path = directory / name
        self.path.mkdir()
        with open(self.image, "wb") as image:
            image.truncate(size)
        _run("mkfs.ext4", "-q", "-m", "0", self.image)
        self.device = _run("losetup", "--find", "--show", self.image)
        self.mount()

    def mount(self) -> None:
        _run("mount", self.device, self.path)

    def remount(self, option: str) -> None:
        _run("mount", "-o", f"remount,{option}", self.path)

    def unmount(self) -> None:
        _run("umount", self.path)

    def fail(self) -> None:
        """The device is dead: reads of what is not cached, and all writes and syncs, fail."""
        directory = os.open(self.path, os.O_RDONLY)
        try:
            flags = WITHOUT_FLUSHING_THE_LOG.to_bytes(4, "little")
            fcntl.ioctl(directory, GOING_DOWN, flags)
        finally:
            os.close(directory)

    def repair(self) -> None:
        """As after a power cut: what was not on the device is gone."""
        self.unmount()
        self.mount()

    def free(self) -> int:
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize

    def fill(self, leave: int) -> pathlib.Path:
        """Somebody else's file takes all but `leave` bytes."""
        filler = self.path / "filler"
        with open(filler, "ab") as file:
            size = file.tell()
            while (more := self.free() - leave) > 4096:
                # The last bytes may need blocks for the file's own map.
                try:
                    os.posix_fallocate(file.fileno(), size, more)
                    size += more
                except OSError:
                    os.ftruncate(file.fileno(), size)
                    leave += MIB // 8
        return filler

    def close(self) -> None:
        # A node that a failed test left running still holds it: it goes when that ends.
        _run("umount", "--lazy", self.path)
        _run("losetup", "--detach", self.device)
        self.image.unlink()


@contextlib.contextmanager
def volume(directory: pathlib.Path, name: str, size: int):
    made = Volume(directory, name, size)
    try:
        yield made
    finally:
        made.close()
