"""A chassis: a host that runs stock Open vSwitch, here a namespace with its own ovsdb-server and ovs-vswitchd."""
import json
import re

from mininet.node import Switch

from flowright.runs import directory, run, stop_daemon
from flowright.underlay import PhysicalNetwork, Underlay

SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema'


class Chassis(Switch):
    """A host with Open vSwitch on the userspace datapath, so that no kernel module is needed.

    Its link to an Underlay becomes its VTEP (`vtep`, default 198.19.0.N for a name that ends in N), each link to a
    PhysicalNetwork a provider bridge `br-NAME`. A Flowright controller is joined as on any host, by
    `ovs-vsctl set-manager`; without one nothing else is set up.
    """

    def __init__(self, name, vtep=None, tunnel_types=('vxlan',), gateway=None, system_id=None, **params):
        params.update(inNamespace=True)
        super().__init__(name, **params)
        self.controlIntf = None
        number = int(re.search(r'\d+$', name).group())
        self.vtep = vtep or f'198.19.{number // 250}.{number % 250}'
        self.tunnel_types = tunnel_types
        self.gateway = gateway
        self.system_id = system_id or name
        self.rest = None
        self.neighbours = {}
        self.dir = directory(name)
        self.env = {f'OVS_{kind}DIR': str(self.dir) for kind in ('RUN', 'DB', 'LOG')}

    def start(self, controllers):
        """Starts Open vSwitch, makes the operator's bridges and joins the controllers."""
        run(self, 'ip', 'link', 'set', 'lo', 'up')
        run(None, 'ovsdb-tool', 'create', self.dir / 'conf.db', SCHEMA)
        self.start_database()
        self.vsctl('--no-wait', 'init')
        self.vsctl('--no-wait', 'set', 'Open_vSwitch', '.', *self._identity())
        self.start_switch()
        # For whoever types `chassis1 ovs-vsctl show` in Mininet's command line.
        self.cmd(''.join(f'export {name}={value};' for name, value in self.env.items()))
        for intf in self.intfList():
            ends = (intf.link.intf1, intf.link.intf2)
            peer = next(end.node for end in ends if end is not intf)
            run(self, 'ethtool', '-K', intf.name, 'tx', 'off')
            run(self, 'ip', 'link', 'set', intf.name, 'up')
            if isinstance(peer, Underlay):
                self._bridge('br-phy', intf.name)
                run(self, 'ip', 'addr', 'add', f'{self.vtep}/16', 'dev', 'br-phy')
                run(self, 'ip', 'link', 'set', 'br-phy', 'up')
                for other in peer.chassis:
                    self._meet(other)
                    other._meet(self)
                peer.chassis.append(self)
            elif isinstance(peer, PhysicalNetwork):
                self._bridge(f'br-{peer.name}', intf.name)
        for controller in controllers:
            controller.join(self)
            self.rest = controller.rest

    def start_database(self):
        """Starts ovsdb-server."""
        run(self, 'ovsdb-server', *self._daemon('ovsdb-server'), f'--remote=punix:{self.dir}/db.sock',
            '--remote=db:Open_vSwitch,Open_vSwitch,manager_options', f'{self.dir}/conf.db', env=self.env)

    def start_switch(self):
        """Starts ovs-vswitchd, for example again after `stop_switch`."""
        run(self, 'ovs-vswitchd', *self._daemon('ovs-vswitchd'), f'unix:{self.dir}/db.sock', env=self.env)
        for address, mac in self.neighbours.items():
            self.appctl('tnl/neigh/set', 'br-phy', address, mac)

    def stop_switch(self):
        """Ends ovs-vswitchd, and with it forwarding; the database stays."""
        stop_daemon(self.dir / 'ovs-vswitchd.pid')

    def stop(self, deleteIntfs=True):
        """Ends Open vSwitch."""
        self.stop_switch()
        stop_daemon(self.dir / 'ovsdb-server.pid')
        super().stop(deleteIntfs)

    def vsctl(self, *args):
        """ovs-vsctl on this chassis; returns what it printed."""
        return run(self, 'ovs-vsctl', '--timeout=20', *args, env=self.env)

    def ofctl(self, *args, stdin=None):
        """ovs-ofctl on this chassis; returns what it printed. `stdin` feeds a file argument of `-`."""
        return run(self, 'ovs-ofctl', '-OOpenFlow15', *args, env=self.env, stdin=stdin)

    def appctl(self, *args):
        """ovs-appctl on this chassis' ovs-vswitchd; returns what it printed."""
        return run(self, 'ovs-appctl', '--timeout=20', *args, env=self.env)

    def flows(self, bridge):
        """The flows of a bridge, a line each, without counters."""
        return self.ofctl('dump-flows', '--no-stats', bridge).splitlines()

    def _identity(self):
        mappings = [f'{p.name}:br-{p.name}' for p in self._physical_networks()]
        ids = {
            'system-id': self.system_id,
            'hostname': self.name,
            'flowright-tunnel-ip': self.vtep,
            'flowright-tunnel-types': ','.join(self.tunnel_types),
            'flowright-bridge-mappings': ','.join(mappings),
            'flowright-datapath-type': 'netdev',
        }
        if self.gateway is not None:
            ids['flowright-gateway'] = self.gateway
        return [f'external_ids:{key}="{value}"' for key, value in ids.items() if value != '']

    def _physical_networks(self):
        nodes = [end.node for intf in self.intfList() for end in (intf.link.intf1, intf.link.intf2)]
        return [node for node in nodes if isinstance(node, PhysicalNetwork)]

    def _meet(self, other):
        # The userspace datapath drops the first packet to a VTEP whose MAC it has yet to ask for (the kernel's queues
        # it); so that this does not show in measurements, chassis of one underlay know each other's from the start.
        link = json.loads(run(other, 'ip', '-j', 'link', 'show', 'br-phy'))[0]
        self.neighbours[other.vtep] = link['address']
        self.appctl('tnl/neigh/set', 'br-phy', other.vtep, link['address'])

    def _bridge(self, bridge, port):
        self.vsctl('add-br', bridge, '--', 'set', 'Bridge', bridge, 'datapath_type=netdev',
                   '--', 'add-port', bridge, port)

    def _daemon(self, name):
        return [f'--pidfile={self.dir}/{name}.pid', f'--log-file={self.dir}/{name}.log',
                '-vconsole:off', '--detach', '--no-chdir']
