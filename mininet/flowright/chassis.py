"""A chassis: a host that runs stock Open vSwitch and joins a controller, as any host would."""
import json
import re

from flowright.ovs import OpenVSwitch
from flowright.runs import run
from flowright.underlay import PhysicalNetwork, Underlay


class Chassis(OpenVSwitch):
    """A host with Open vSwitch.

    Its link to an Underlay becomes its VTEP (`vtep`, default 198.19.0.N for a name that ends in N), each link to a
    PhysicalNetwork a provider bridge `br-NAME`. A Flowright controller is joined by `ovs-vsctl set-manager`; without
    one nothing else is set up.
    """

    def __init__(self, name, vtep=None, tunnel_types=('vxlan',), gateway=None, system_id=None, **params):
        super().__init__(name, **params)
        number = int(re.search(r'\d+$', name).group())
        self.vtep = vtep or f'198.19.{number // 250}.{number % 250}'
        self.tunnel_types = tunnel_types
        self.gateway = gateway
        self.system_id = system_id or name
        self.rest = None
        self.neighbours = {}

    def start(self, controllers):
        """Starts Open vSwitch, makes the operator's bridges and joins the controllers."""
        self.start_ovs(*self._identity())
        for underlay, intf in self._links(Underlay):
            self.add_bridge('br-phy', intf)
            self._configure_underlay()
            for other in underlay.chassis:
                self._meet(other)
                other._meet(self)
            underlay.chassis.append(self)
        for network, intf in self._links(PhysicalNetwork):
            self.add_bridge(f'br-{network.name}', intf)
        for controller in controllers:
            controller.join(self)
            self.rest = controller.rest

    def start_switch(self):
        """Starts ovs-vswitchd, and configures the underlay again as the host's own set-up would."""
        super().start_switch()
        if self.neighbours:
            self._configure_underlay()

    def _configure_underlay(self):
        # A bridge of the userspace datapath goes with its ovs-vswitchd, and its address and neighbours with it.
        run(self, 'ip', 'addr', 'replace', f'{self.vtep}/16', 'dev', 'br-phy')
        run(self, 'ip', 'link', 'set', 'br-phy', 'up')
        for address, mac in self.neighbours.items():
            self.appctl('tnl/neigh/set', 'br-phy', address, mac)

    def _meet(self, other):
        # The userspace datapath drops the first packet to a VTEP whose MAC it has yet to ask for (the kernel's queues
        # it); so that this does not show in measurements, chassis of one underlay know each other's from the start.
        link = json.loads(run(other, 'ip', '-j', 'link', 'show', 'br-phy'))[0]
        self.neighbours[other.vtep] = link['address']
        self.appctl('tnl/neigh/set', 'br-phy', other.vtep, link['address'])

    def _identity(self):
        ids = {
            'system-id': self.system_id,
            'hostname': self.name,
            'flowright-tunnel-ip': self.vtep,
            'flowright-tunnel-types': ','.join(self.tunnel_types),
            'flowright-bridge-mappings': ','.join(f'{n.name}:br-{n.name}' for n, _ in self._links(PhysicalNetwork)),
            'flowright-datapath-type': 'netdev',
        }
        if self.gateway is not None:
            ids['flowright-gateway'] = self.gateway
        return [f'external_ids:{key}="{value}"' for key, value in ids.items() if value != '']

    def _links(self, kind):
        return [(peer, intf.name) for peer, intf in self.peers() if isinstance(peer, kind)]
