"""Topologies for `Mininet(topo=...)`."""
from mininet.topo import Topo

from flowright.chassis import Chassis
from flowright.underlay import ForeignHost, PhysicalNetwork, Underlay
from flowright.vm import VM


class Cloud(Topo):
    """`chassis1`... on one underlay and `vm1`..., not plugged in yet.

    `physical_networks` is how many provider networks there are (`physnet1`...), each reaching every chassis and
    `foreign` hosts of its own: pairs of address with prefix length and VLAN (None: untagged), named `ext1`...
    """

    def build(self, chassis=2, vms=0, physical_networks=0, foreign=(), **chassis_params):
        self.addSwitch('underlay', cls=Underlay)
        names = [f'chassis{n}' for n in range(1, chassis + 1)]
        for name in names:
            self.addSwitch(name, cls=Chassis, **chassis_params)
            self.addLink(name, 'underlay')
        for n in range(1, vms + 1):
            self.addHost(f'vm{n}', cls=VM)
        for n in range(1, physical_networks + 1):
            self.addSwitch(f'physnet{n}', cls=PhysicalNetwork)
            for name in names:
                self.addLink(name, f'physnet{n}')
        for n, (ip, vlan) in enumerate(foreign, 1):
            self.addHost(f'ext{n}', cls=ForeignHost, ip=ip, vlan=vlan)
            self.addLink(f'ext{n}', 'physnet1')
