"""Namespaces of the test's own: mounts and network that nobody else sees, gone with the process."""
import array
import ctypes
import fcntl
import os
import socket
import struct
import subprocess

NEW_MOUNTS, NEW_NETWORK = 0x00020000, 0x40000000
GET_FLAGS, SET_FLAGS, SET_ADDRESS, SET_MASK, IS_UP = 0x8913, 0x8914, 0x8916, 0x891C, 1
TUN_SET, TUN = 0x400454CA, 0x0001 | 0x1000


def enter(what):
    """Before any thread starts: 0, or why not."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(what) != 0:
        return "a namespace of its own cannot be made: " + os.strerror(ctypes.get_errno())
    if what & NEW_NETWORK:
        set_up("lo")
    if what & NEW_MOUNTS and run("mount", "--make-rprivate", "/") != 0:
        return "mounts cannot be made private"
    return 0


def run(*argv):
    return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode


def _ask(request, name, data):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        block = array.array("B", struct.pack("16s", name.encode()) + data.ljust(24, b"\0"))
        fcntl.ioctl(s, request, block, True)
        return bytes(block[16:])


def set_up(name, up=True):
    flags = struct.unpack("=h", _ask(GET_FLAGS, name, b"")[:2])[0]
    _ask(SET_FLAGS, name, struct.pack("=h", flags | IS_UP if up else flags & ~IS_UP))


def set_address(name, address, mask):
    for request, text in ((SET_ADDRESS, address), (SET_MASK, mask)):
        _ask(request, name, struct.pack("=HH4s", socket.AF_INET, 0, socket.inet_aton(text)))


class Hole:
    """A network device behind which nobody is: packets to its net go nowhere, without a word."""

    def __init__(self, name, address, mask):
        self.fd = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
        fcntl.ioctl(self.fd, TUN_SET, struct.pack("16sH22x", name.encode(), TUN))
        set_address(name, address, mask)
        set_up(name)
