"""A VM: a namespace that plugs itself into a chassis by the id of a port, as a hypervisor's agent would."""
import re
import time
from dataclasses import dataclass, field

from mininet.node import Host

from flowright.runs import run

INTEGRATION_BRIDGE = 'br-int'

# What a guest sends when it arrives on another host, after QEMU's self-announcement: a broadcast RARP of its MAC.
ANNOUNCE = '''
import socket, sys
mac = bytes.fromhex(sys.argv[2].replace(':', ''))
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((sys.argv[1], 0))
body = bytes.fromhex('0001080006040003') + (mac + bytes(4)) * 2
s.send(b'\\xff' * 6 + mac + bytes.fromhex('8035') + body + bytes(18))
'''


def replies(printed):
    """How many replies a ping says that it got."""
    found = re.search(r'(\d+) received', printed)
    return int(found.group(1)) if found else 0


@dataclass(frozen=True)
class Nic:
    """What a network card of a VM is to be; from a port, `rest.nic(port)`."""

    port_id: str
    mac: str
    #: With prefix length, as in 10.0.0.5/24 or fd00::5/64.
    addresses: list = field(default_factory=list)
    gateways: list = field(default_factory=list)
    mtu: int = 1450

    @property
    def tap(self):
        """The interface's name on the chassis, as everywhere in OpenStack."""
        return f'tap{self.port_id[:11]}'


class VM(Host):
    """A VM whose network cards are ports. `plug` adds one (eth0, eth1, ...), `migrate` moves all of them."""

    def __init__(self, name, **params):
        super().__init__(name, **params)
        self.chassis = None
        self.nics = {}
        self.claimed = None

    def config(self, **_params):
        """Addresses come with ports, so there is nothing to give to a VM before."""
        run(self, 'ip', 'link', 'set', 'lo', 'up')
        return {}

    def plug(self, chassis, port):
        """Plugs in a port (its id, if the chassis has joined a controller, or a Nic) on a chassis; returns the Nic."""
        if self.chassis not in (None, chassis):
            raise ValueError(f'{self.name} runs on {self.chassis.name}: migrate it, or plug on {self.chassis.name}')
        nic = port if isinstance(port, Nic) else chassis.rest.nic(port)
        eth = next(f'eth{n}' for n in range(16) if f'eth{n}' not in self.nics)
        self._attach(chassis, nic, eth)
        self._configure(nic, eth)
        self.chassis = chassis
        self.nics[eth] = nic
        return nic

    def unplug(self, eth='eth0'):
        """Takes a card out again."""
        self._detach(self.chassis, self.nics.pop(eth))
        if not self.nics:
            self.chassis = None

    def claim(self, chassis):
        """The first half of a live migration: the ports are plugged at the new place too, the guest still runs here."""
        for eth, nic in self.nics.items():
            self._attach(chassis, nic, f'{eth}-new')
        self.claimed = chassis

    def arrive(self):
        """The second half: the guest goes on at the new place and announces itself; returns when that was (monotonic)."""
        left, self.chassis, self.claimed = self.chassis, self.claimed, None
        for eth, nic in self.nics.items():
            self._configure(nic, eth, f'link del {eth}', f'link set {eth}-new name {eth}')
        announced = time.monotonic()
        for eth, nic in self.nics.items():
            run(self, '/usr/bin/python3', '-c', ANNOUNCE, eth, nic.mac)
        for nic in self.nics.values():
            self._detach(left, nic)
        return announced

    def migrate(self, chassis):
        """Moves the VM to another chassis while its connections live on."""
        self.claim(chassis)
        return self.arrive()

    def defaultIntf(self):
        """None: cards are no links of Mininet's."""
        return None

    def IP(self, intf=None):
        """The first address of a card (eth0), without prefix length; what Mininet's pingall pings."""
        nic = self.nics.get(str(intf or 'eth0'))
        return nic.addresses[0].split('/')[0] if nic and nic.addresses else None

    def ping(self, address, count=1, interval=0.2, wait=1):
        """Pings an address; returns how many replies came."""
        return replies(self.cmd('ping', '-n', '-c', count, '-i', interval, '-W', wait, address))

    def _attach(self, chassis, nic, eth):
        chassis.vsctl('wait-until', 'Bridge', INTEGRATION_BRIDGE)
        run(None, 'ip', 'link', 'add', nic.tap, 'netns', chassis.pid, 'mtu', nic.mtu, 'type', 'veth',
            'peer', 'name', eth, 'netns', self.pid)
        # The userspace datapath would pass on half-made checksums.
        run(self, 'ethtool', '-K', eth, 'tx', 'off')
        run(chassis, 'ethtool', '-K', nic.tap, 'tx', 'off')
        run(chassis, 'ip', 'link', 'set', nic.tap, 'up')
        chassis.vsctl('add-port', INTEGRATION_BRIDGE, nic.tap, '--', 'set', 'Interface', nic.tap,
                      f'external_ids:iface-id="{nic.port_id}"', f'external_ids:attached-mac="{nic.mac}"',
                      f'external_ids:vm-id={self.name}', 'external_ids:iface-status=active')

    def _detach(self, chassis, nic):
        chassis.vsctl('--if-exists', 'del-port', INTEGRATION_BRIDGE, nic.tap)
        # Gone already, if the guest's end went with its card.
        run(chassis, 'sh', '-c', f'ip link del {nic.tap} 2> /dev/null || true')

    def _configure(self, nic, eth, *before):
        lines = [*before, f'link set {eth} address {nic.mac} mtu {nic.mtu} up']
        lines += [f"addr add {address} dev {eth}{' nodad' if ':' in address else ''}" for address in nic.addresses]
        lines += [f'route add default via {gateway} dev {eth}' for gateway in nic.gateways]
        run(self, 'ip', '-batch', '-', stdin='\n'.join(lines) + '\n')
