"""The disk of the torture run: one that fills up, files that cannot grow, a directory that cannot be changed.

A real full disk is a small file system of its own, which needs a mount namespace (torture.sh makes one
where it may); a directory without the right to write means something only to a user that is not root.
What cannot be had here is told once and left out; the limit on the size of files always can.
"""
import os
import subprocess

import harness as h

SIZE_MB = 48
NOBODY = 65534


class Disk:
    def __init__(self, directory):
        self.path = os.path.join(directory.path, "disk")
        os.mkdir(self.path)
        self.mounted = os.environ.get("AMPAGENT_TORTURE_MOUNTS") == "1" and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=%dm" % SIZE_MB, "torture", self.path]).returncode == 0
        self.data, self.view = os.path.join(self.path, "data"), os.path.join(self.path, "view")
        os.mkdir(self.data)
        self.as_user = []
        self.locks = os.getuid() != 0
        if os.getuid() == 0:
            self._give_up_rights(directory)
        self.filler = os.path.join(self.path, "filler")
        self.kinds = ["limit"] + ["full"] * self.mounted + ["locked"] * self.locks

    def _give_up_rights(self, directory):
        """As root nothing is forbidden: the agent runs as nobody, if nobody can run it."""
        argv = ["setpriv", "--reuid=%d" % NOBODY, "--regid=%d" % NOBODY, "--clear-groups"]
        os.chmod(directory.path, 0o755)
        run = subprocess.run(argv + [h.AMPAGENT, "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if run.returncode == 0:
            self.as_user, self.locks = argv, True
            os.chown(self.data, NOBODY, NOBODY)

    def told(self):
        """What is left out here."""
        return ["a full disk: no file system of its own"] * (not self.mounted) + \
               ["a directory that cannot be changed: the agent is root"] * (not self.locks)

    def full(self, left):
        """All but a few bytes are taken."""
        with open(self.filler, "wb", buffering=0) as f:
            for _ in range(100):
                space = os.statvfs(self.path)
                n = space.f_bavail * space.f_bsize - left
                if n <= 0:
                    break
                try:
                    os.posix_fallocate(f.fileno(), os.path.getsize(self.filler), n)
                except OSError:
                    pass  # the agent was faster

    def locked(self):
        for directory, _, _ in os.walk(self.data):
            os.chmod(directory, 0o555)

    def well(self, agent):
        """As if nothing had been."""
        if os.path.exists(self.filler):
            os.unlink(self.filler)
        for directory, _, _ in os.walk(self.data):
            os.chmod(directory, 0o755)
        if agent and agent.running():
            subprocess.run(self.as_user + ["prlimit", "--pid=%d" % agent.popen.pid, "--fsize=unlimited:unlimited"],
                           check=agent.running())

    def close(self):
        """What lay on it is kept when something is wrong."""
        if self.mounted and h.failed():
            subprocess.run(["cp", "-r", self.data, self.path + "-kept"])
        if self.mounted:
            subprocess.run(["umount", self.path])
