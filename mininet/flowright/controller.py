"""The Flowright controller as a node of Mininet: a process in the root namespace that chassis join."""
import json
import os
import signal
import socket
import subprocess
from pathlib import Path

from mininet.node import Node

from flowright.rest import Rest, RestError
from flowright.runs import PREFIX, directory, run, wait_for

COMMAND = Path(__file__).resolve().parents[2] / 'bin' / 'flowright'


class ControllerEnded(Exception):
    """The controller ended by itself; the message holds the end of its log."""


class Flowright(Node):
    """Starts `flowright serve` on an empty store that is thrown away in the end.

    Chassis reach it over a management network of their own, a bridge in the root namespace; its API is on the
    loopback, on port 9696 if that is free. `rest` is a client of it.
    """

    def __init__(self, name='c0', options=(), **params):
        params.update(inNamespace=False)
        super().__init__(name, **params)
        self.options = options
        self.dir = directory(name)
        self.log = self.dir / 'controller.log'
        self.address = f'{_free_prefix()}.1'
        self.api = f'127.0.0.1:{_free_port(9696)}'
        self.rest = Rest(f'http://{self.api}')
        self.process = None
        self.joined = []

    def start(self):
        """Makes the management network and starts the process."""
        run(None, 'ip', 'link', 'add', PREFIX, 'type', 'bridge', 'mcast_snooping', '0')
        run(None, 'ip', 'addr', 'add', f'{self.address}/24', 'dev', PREFIX)
        run(None, 'ip', 'link', 'set', PREFIX, 'up')
        self.start_process()

    def start_process(self):
        """Starts the process (again) on the data it had, and returns when its API answers."""
        command = [COMMAND, 'serve', '--data', self.dir / 'data', '--api', self.api,
                   '--ovsdb', f'ptcp:6640:{self.address}', '--openflow', f'ptcp:6653:{self.address}',
                   # The management network is no loopback, but nobody else is on it.
                   '--insecure', *self.options]
        with open(self.log, 'a', encoding='utf-8') as log:
            # A session of its own, so that Ctrl-C in Mininet's command line does not end the controller.
            self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, start_new_session=True)
        (self.dir / 'controller.pid').write_text(str(self.process.pid))
        wait_for('the controller', self._answers, 30)

    def stop_process(self, sig=signal.SIGTERM):
        """Ends the process, as an operator would or with SIGKILL; every flow stays in place."""
        self.process.send_signal(sig)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def stop(self, deleteIntfs=False):
        """Ends the process and removes the management network."""
        if self.process is not None:
            self.stop_process()
        for name in [PREFIX, *(f'{PREFIX}.{n + 2}' for n in range(len(self.joined)))]:
            subprocess.run(['ip', 'link', 'del', name], capture_output=True, check=False)
        super().stop(deleteIntfs)

    def join(self, chassis):
        """Links a chassis to the management network and points its Open vSwitch at the controller."""
        number = len(self.joined) + 2
        self.joined.append(chassis.name)
        run(None, 'ip', 'link', 'add', f'{PREFIX}.{number}', 'master', PREFIX, 'type', 'veth',
            'peer', 'name', 'mgmt', 'netns', chassis.pid)
        run(None, 'ip', 'link', 'set', f'{PREFIX}.{number}', 'up')
        run(chassis, 'ip', 'addr', 'add', f"{self.address.rsplit('.', 1)[0]}.{number}/24", 'dev', 'mgmt')
        run(chassis, 'ip', 'link', 'set', 'mgmt', 'up')
        chassis.vsctl('set-manager', f'tcp:{self.address}:6640')

    def chassis(self):
        """The chassis as the controller sees them."""
        return self.rest.call('GET', '/flowright/v1/chassis')['chassis']

    def _answers(self):
        if self.process.poll() is not None:
            tail = ''.join(self.log.read_text(errors='replace').splitlines(keepends=True)[-20:])
            raise ControllerEnded(f'the controller ended with status {self.process.returncode}:\n{tail}')
        try:
            self.rest.call('GET', '/')
            return True
        except RestError as error:
            return error.status != 0


def _free_port(preferred):
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(('127.0.0.1', port))
                return probe.getsockname()[1]
            except OSError:
                continue
    raise OSError('no free port on 127.0.0.1')


def _free_prefix():
    # 198.18.0.0/15 is for benchmarks (RFC 2544), so nobody's real network; several runs may be there at once.
    taken = [a['local'] for link in json.loads(run(None, 'ip', '-j', '-4', 'addr')) for a in link['addr_info']]
    first = os.getpid() % 256
    for n in range(256):
        prefix = f'198.18.{(first + n) % 256}'
        if not any(a.startswith(prefix + '.') for a in taken):
            return prefix
    raise OSError('all of 198.18.0.0/16 is taken')
