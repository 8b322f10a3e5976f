"""What lies between the chassis: the IP underlay that carries tunnels, and physical networks with foreign hosts."""
from mininet.node import Host, Switch

from flowright.runs import run


class Wire(Switch):
    """An ordinary Ethernet switch: a Linux bridge in a namespace of its own, which takes no part in any control."""

    def __init__(self, name, **params):
        params.update(inNamespace=True, dpid='1')
        super().__init__(name, **params)
        self.controlIntf = None

    def start(self, _controllers):
        """Joins the links that were made to it; VLAN tags pass untouched."""
        run(self, 'ip', 'link', 'add', 'wire', 'type', 'bridge', 'mcast_snooping', '0', 'stp_state', '0')
        run(self, 'sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1')
        for intf in self.intfNames():
            run(self, 'ip', 'link', 'set', intf, 'master', 'wire', 'up')
        run(self, 'ip', 'link', 'set', 'wire', 'up')


class Underlay(Wire):
    """The IP network between the chassis; a chassis that is linked to it has its VTEP address there."""

    def __init__(self, name, **params):
        super().__init__(name, **params)
        self.chassis = []


class PhysicalNetwork(Wire):
    """A provider's physical network, named as in `provider:physical_network`: VLANs and untagged frames.

    A chassis that is linked to it gets a provider bridge and maps the name to it.
    """


class ForeignHost(Host):
    """A host on a physical network that is no chassis and knows nothing of Flowright.

    `ip` is its address with the prefix length, `vlan` the tag of its frames (None: untagged).
    """

    def config(self, ip=None, vlan=None, gateway=None, **_params):
        """Gives the address to the link to the physical network, or to a VLAN on it."""
        intf = self.defaultIntf().name
        commands = ['link set lo up', f'link set {intf} up']
        if vlan is not None:
            commands += [f'link add link {intf} name vlan{vlan} type vlan id {vlan}', f'link set vlan{vlan} up']
            intf = f'vlan{vlan}'
        if ip is not None:
            commands.append(f'addr add {ip} dev {intf}')
        if gateway is not None:
            commands.append(f'route add default via {gateway}')
        run(self, 'ethtool', '-K', self.defaultIntf().name, 'tx', 'off')
        run(self, 'ip', '-batch', '-', stdin='\n'.join(commands) + '\n')
        return {}
