"""Peers that come from a language's package registry: fetched once into build/peers, else None."""
import fcntl
import os
import shutil
import subprocess
import sys

import harness as h

PEERS = os.path.join(h.ROOT, "build", "peers")
LIMIT_S = 120


def _fetched(name, made, command):
    """build/peers/NAME once command(directory) has made the file `made` in it; None when it cannot."""
    directory = os.path.join(PEERS, name)
    os.makedirs(PEERS, exist_ok=True)
    with open(os.path.join(PEERS, "." + name + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(os.path.join(directory, made)):
            return directory
        shutil.rmtree(directory, ignore_errors=True)
        print("fetching %s" % name)
        try:
            done = subprocess.run(command(directory), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, universal_newlines=True, timeout=LIMIT_S)
        except (OSError, subprocess.TimeoutExpired) as e:
            print("%s cannot be had: %s" % (name, e))
            return None
        if done.returncode != 0 or not os.path.exists(os.path.join(directory, made)):
            print("%s cannot be had: %s" % (name, " ".join(done.stdout.split()[-20:])))
            shutil.rmtree(directory, ignore_errors=True)
            return None
        return directory


def python_package(package, module):
    """Makes a package of PyPI importable; None when it cannot be had."""
    pip = shutil.which("pip3") or shutil.which("pip")
    if not pip:
        print("%s cannot be had: there is no pip" % package)
        return None
    directory = _fetched("python-" + package, module,
                         lambda d: [pip, "install", "-q", "--no-compile", "--target", d, package])
    if directory:
        sys.path.insert(0, directory)
    return directory


def node_package(package, version):
    """The directory of node_modules that has a package of npm; None when it cannot be had."""
    npm = shutil.which("npm")
    if not npm or not shutil.which("node"):
        print("%s cannot be had: there is no npm" % package)
        return None
    name = "npm-" + package
    directory = _fetched(name, os.path.join("node_modules", package, "package.json"),
                         lambda d: [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", d,
                                    "%s@%s" % (package, version)])
    return os.path.join(directory, "node_modules") if directory else None
