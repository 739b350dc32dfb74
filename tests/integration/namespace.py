"""Namespaces of the test's own: mounts and network that nobody else sees, gone with the process."""
import array
import ctypes
import fcntl
import os
import socket
import struct
import subprocess

NEW_MOUNTS, NEW_NETWORK, NEW_USERS = 0x00020000, 0x40000000, 0x10000000
GET_FLAGS, SET_FLAGS, SET_ADDRESS, SET_MASK, IS_UP = 0x8913, 0x8914, 0x8916, 0x891C, 1
TUN_SET, TUN = 0x400454CA, 0x0001 | 0x1000


def enter(what):
    """Before any thread starts: 0, or why not. With NEW_USERS the process is root in there, whoever
    it was."""
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(what) != 0:
        return "a namespace of its own cannot be made: " + os.strerror(ctypes.get_errno())
    if what & NEW_USERS:
        for name, text in (("setgroups", "deny"), ("uid_map", "0 %d 1" % user), ("gid_map", "0 %d 1" % group)):
            with open("/proc/self/" + name, "w") as f:
                f.write(text)
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


def add_addresses(name, *addresses):
    """More addresses of a device, IPv4 and IPv6, for this host alone."""
    for number, address in enumerate(addresses):
        if ":" not in address:
            set_address("%s:%d" % (name, number), address, "255.255.255.255")
            continue
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
            fcntl.ioctl(s, SET_ADDRESS, struct.pack("=16sIi", socket.inet_pton(socket.AF_INET6, address), 128,
                                                    socket.if_nametoindex(name)))


class Hole:
    """A network device behind which nobody is: packets to its net go nowhere, without a word."""

    def __init__(self, name, address, mask):
        self.fd = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
        fcntl.ioctl(self.fd, TUN_SET, struct.pack("16sH22x", name.encode(), TUN))
        set_address(name, address, mask)
        set_up(name)
