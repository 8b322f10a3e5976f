"""What lies between the chassis: the IP underlay that carries tunnels, and physical networks with foreign hosts."""
import json

from mininet.node import Host, Switch

from flowright.ovs import OpenVSwitch
from flowright.runs import run


class Underlay(Switch):
    """The IP network between the chassis; a chassis that is linked to it has its VTEP address there.

    An Ethernet switch: a Linux bridge in a namespace of its own.
    """

    def __init__(self, name, **params):
        params.update(inNamespace=True, dpid='1')
        super().__init__(name, **params)
        self.controlIntf = None
        self.chassis = []

    def start(self, _controllers):
        """Joins the links that were made to it."""
        _bridge(self)


class PhysicalNetwork(OpenVSwitch):
    """A provider's physical network, named as in `provider:physical_network`: VLANs and untagged frames.

    A chassis that is linked to it gets a provider bridge and maps the name to it. An Ethernet switch with VLANs, which
    takes no part in any control: here an Open vSwitch, since not every kernel's bridge knows VLANs.
    """

    def start(self, _controllers):
        """Joins the links that were made to it: trunks to chassis, access ports to foreign hosts that are on a VLAN."""
        self.start_ovs()
        self.add_bridge('wire', *self.intfNames())
        for peer, intf in self.peers():
            if isinstance(peer, ForeignHost) and peer.vlan is not None:
                self.vsctl('set', 'Port', intf.name, f'tag={peer.vlan}')


class UntaggedNetwork(PhysicalNetwork):
    """A physical network without VLANs: a Linux bridge, which learns from every frame, as hardware does.

    Open vSwitch as a physical switch learns up to a second late that a MAC moved to a link that had it before: its
    datapath forwards by what it has cached.
    """

    def start(self, _controllers):
        """Joins the links that were made to it."""
        _bridge(self)

    def link_of(self, mac):
        """The node behind whose link a MAC was seen last; None where it was not."""
        for entry in json.loads(run(self, 'bridge', '-j', 'fdb', 'show', 'br', 'wire', 'dynamic')):
            if entry['mac'] == mac:
                return next((peer.name for peer, intf in self.peers() if intf.name == entry['ifname']), None)
        return None


def _bridge(node):
    """Makes a node an Ethernet switch: a Linux bridge of its links."""
    run(node, 'sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1')
    run(node, 'ip', 'link', 'add', 'wire', 'type', 'bridge', 'mcast_snooping', '0', 'stp_state', '0')
    for intf in node.intfNames():
        run(node, 'ip', 'link', 'set', intf, 'master', 'wire', 'up')
    run(node, 'ip', 'link', 'set', 'wire', 'up')


class ForeignHost(Host):
    """A host on a physical network that is no chassis and knows nothing of Flowright.

    `ip` is its address with the prefix length, `vlan` the VLAN it is on (None: untagged).
    """

    def __init__(self, name, vlan=None, **params):
        super().__init__(name, **params)
        self.vlan = vlan

    def config(self, ip=None, gateway=None, **_params):
        """Gives the address to the link to the physical network."""
        intf = self.defaultIntf().name
        commands = ['link set lo up', f'link set {intf} up']
        if ip is not None:
            commands.append(f'addr add {ip} dev {intf}')
        if gateway is not None:
            commands.append(f'route add default via {gateway}')
        run(self, 'ethtool', '-K', intf, 'tx', 'off')
        run(self, 'ip', '-batch', '-', stdin='\n'.join(commands) + '\n')
        return {}


class ForeignRouter(Host):
    """A router that is not ours: a host whose kernel forwards between its links, with an address on each, in order."""

    def config(self, addresses=(), **_params):
        """Gives the addresses, and forwards."""
        lines = ['link set lo up']
        for intf, address in zip(self.intfNames(), addresses):
            run(self, 'ethtool', '-K', intf, 'tx', 'off')
            lines += [f'link set {intf} up', f'addr add {address} dev {intf}']
        run(self, 'ip', '-batch', '-', stdin='\n'.join(lines) + '\n')
        run(self, 'sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1')
        return {}
