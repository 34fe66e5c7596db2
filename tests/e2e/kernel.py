"""A kernel that refuses, for tests: runs a command under a seccomp filter, as containers do.

    python3 tests/e2e/kernel.py WHAT -- COMMAND...

WHAT is one of the keys of REFUSALS. No privileges are needed, and nothing but the command is
affected.
"""

import ctypes
import errno
import os
import platform
import struct
import sys

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 22, 38
SECCOMP_MODE_FILTER = 2
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
LOAD, EQUAL, ANY_BIT, RETURN = 0x20, 0x15, 0x45, 0x06  # classic BPF
NUMBER, THIRD_ARGUMENT = 0, 32  # offsets in struct seccomp_data
IO_URING_SETUP = 425
OPENAT = {"x86_64": 257, "aarch64": 56}[platform.machine()]
FALLOCATE = {"x86_64": 285, "aarch64": 47}[platform.machine()]


def _fails(number: int, code: int, bit: int = 0) -> list[tuple[int, int, int, int]]:
    """Makes a system call fail, if its third argument has that bit (0: always)."""
    load = [(LOAD, 0, 0, NUMBER)]
    if not bit:
        return [*load, (EQUAL, 0, 1, number), (RETURN, 0, 0, ERRNO | code)]
    flags = [(LOAD, 0, 0, THIRD_ARGUMENT), (ANY_BIT, 0, 1, bit), (RETURN, 0, 0, ERRNO | code)]
    return [*load, (EQUAL, 0, 3, number), *flags]


REFUSALS = {
    "io_uring": _fails(IO_URING_SETUP, errno.EPERM),  # a container's default profile
    "memlock": _fails(IO_URING_SETUP, errno.ENOMEM),  # RLIMIT_MEMLOCK, which root does not meet
    "space": _fails(FALLOCATE, errno.ENOSPC),
    "direct": _fails(OPENAT, errno.EINVAL, os.O_DIRECT),  # some file systems
}


def refusing(what: str) -> list[str]:
    """The words before a command that shall meet the refusal."""
    return [sys.executable, __file__, what, "--"]


def _install(program: list[tuple[int, int, int, int]]) -> None:
    class Filter(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("program", ctypes.c_void_p)]

    words = [*program, (RETURN, 0, 0, ALLOW)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *word) for word in words))
    libc = ctypes.CDLL(None, use_errno=True)
    loaded = Filter(len(words), ctypes.addressof(code))
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(
        PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(loaded), 0, 0
    ):
        sys.exit(f"kernel: no seccomp here: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    _install(REFUSALS[sys.argv[1]])
    os.execvp(sys.argv[3], sys.argv[3:])
