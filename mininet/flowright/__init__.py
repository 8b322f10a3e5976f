"""Flowright in Mininet: hosts that run Open vSwitch, VMs that plug themselves in, and the controller that joins them.

    from mininet.net import Mininet
    from flowright import Cloud, Flowright

    net = Mininet(topo=Cloud(chassis=2, vms=4), controller=Flowright)
    net.start()
    rest = net['c0'].rest
    network = rest.create('network', name='blue')
    rest.create('subnet', network_id=network['id'], ip_version=4, cidr='10.0.0.0/24')
    for n in range(1, 5):
        port = rest.create('port', network_id=network['id'])
        net[f'vm{n}'].plug(net[f'chassis{1 + n % 2}'], port['id'])

Without a controller (`Mininet(topo=Cloud(chassis=2), controller=None)`) the chassis run stock Open vSwitch, to be
programmed by hand with `chassis.vsctl()` and `chassis.ofctl()`: the baseline that an experiment compares with.
"""
from flowright.capture import VXLAN_ARP_REQUEST, VXLAN_BROADCAST, Counter, Frame, Recorder
from flowright.chassis import Chassis
from flowright.controller import ControllerEnded, Flowright
from flowright.feed import Feed
from flowright.ovs import OpenVSwitch
from flowright.rest import Rest, RestError
from flowright.runs import CommandFailed, run, sweep
from flowright.topologies import Cloud
from flowright.underlay import ForeignHost, ForeignRouter, PhysicalNetwork, Underlay, UntaggedNetwork
from flowright.vm import VM, Nic

__all__ = [
    'VM', 'VXLAN_ARP_REQUEST', 'VXLAN_BROADCAST', 'Chassis', 'Cloud', 'CommandFailed', 'ControllerEnded', 'Counter',
    'Feed', 'Flowright', 'ForeignHost', 'ForeignRouter', 'Frame', 'Nic', 'OpenVSwitch', 'PhysicalNetwork', 'Recorder',
    'Rest', 'RestError', 'Underlay', 'UntaggedNetwork', 'run', 'sweep',
]
