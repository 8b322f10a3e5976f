"""Commands on nodes, and what a run leaves outside of its namespaces, so that it can be found and removed.

A run is one Python process. Its daemons keep their files under `/run/flowright-mininet/PID`, its links in the root
namespace are called `frPID...`; whatever a killed run left behind is swept away when the next one starts.
"""
import atexit
import fcntl
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

ROOT = Path('/run/flowright-mininet')
PREFIX = f'fr{os.getpid()}'

_locks = {}


class CommandFailed(Exception):
    """A command on a node ended with an error; its message is the command and what it printed."""


def run(node, *argv, stdin=None, env=None):
    """Runs a command in a node's namespace (None: here) and returns what it printed; raises CommandFailed."""
    argv = [str(a) for a in argv]
    enter = [] if node is None or not node.inNamespace else ['mnexec', '-a', str(node.pid)]
    done = subprocess.run([*enter, *argv], input=stdin, env={**os.environ, **(env or {})}, text=True,
                          stdin=None if stdin is not None else subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode != 0:
        where = f'{node.name}: ' if node is not None else ''
        raise CommandFailed(f"{where}{' '.join(argv)}: {(done.stderr or done.stdout).strip() or done.returncode}")
    return done.stdout


def wait_for(what, condition, seconds=20, every=0.05):
    """Waits until `condition()` is true and returns its value; TimeoutError says what was waited for."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f'waited {seconds} s for {what}')
        time.sleep(every)


def directory(name):
    """A new directory of this run for one node's files. The first call sweeps what dead runs have left."""
    mine = ROOT / str(os.getpid())
    if mine not in _locks:
        sweep()
        mine.mkdir(parents=True, mode=0o700, exist_ok=True)
        _locks[mine] = _lock(mine)
        atexit.register(_remove, mine)
    path = mine / name
    # From an earlier network of this run.
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    return path


def stop_daemon(pid_file, seconds=5):
    """Ends the process of a pid file, kindly first, and returns when it is gone."""
    pid = _ours(pid_file)
    if pid is None:
        return
    for sig in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(pid, sig)
            wait_for(f'the end of process {pid}', lambda: _ours(pid_file) is None, seconds, 0.01)
            return
        except ProcessLookupError:
            return
        except TimeoutError:
            continue


def sweep():
    """Removes what runs that are no longer alive have left: daemons, links and files."""
    for left in ROOT.glob('[0-9]*'):
        lock = _lock(left)
        if lock is not None:
            _remove(left)
            os.close(lock)


def _lock(path):
    # The lock lives as long as the process, however it ends.
    try:
        lock = os.open(path, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return lock
    except BlockingIOError:
        os.close(lock)
    except FileNotFoundError:
        pass
    return None


def _remove(path):
    for pid_file in path.glob('*/*.pid'):
        stop_daemon(pid_file)
    links = subprocess.run(['ip', '-o', 'link'], capture_output=True, text=True, check=False).stdout
    for line in links.splitlines():
        name = line.split(': ')[1].split('@')[0]
        if name == f'fr{path.name}' or name.startswith(f'fr{path.name}.'):
            subprocess.run(['ip', 'link', 'del', name], capture_output=True, check=False)
    shutil.rmtree(path, ignore_errors=True)


def _ours(pid_file):
    # A pid may have been given to another process since: ours names its directory on its command line.
    try:
        pid = int(Path(pid_file).read_text())
        command = Path(f'/proc/{pid}/cmdline').read_bytes()
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return None
    return pid if str(Path(pid_file).parent).encode() in command else None
