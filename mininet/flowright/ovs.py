"""A node with an Open vSwitch of its own: what chassis, and switches of a physical network, are made of."""
from mininet.node import Switch

from flowright.runs import directory, run, stop_daemon

SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema'


class OpenVSwitch(Switch):
    """A namespace with its own ovsdb-server and ovs-vswitchd, on the userspace datapath, so that no module is needed."""

    def __init__(self, name, **params):
        params.update(inNamespace=True)
        params.setdefault('dpid', '1')
        super().__init__(name, **params)
        self.controlIntf = None
        self.dir = directory(name)
        self.env = {f'OVS_{kind}DIR': str(self.dir) for kind in ('RUN', 'DB', 'LOG')}

    def start_ovs(self, *settings):
        """Starts both daemons on a new database, with settings of its Open_vSwitch row, and takes the links up."""
        run(self, 'ip', 'link', 'set', 'lo', 'up')
        run(None, 'ovsdb-tool', 'create', self.dir / 'conf.db', SCHEMA)
        self.start_database()
        self.vsctl('--no-wait', 'init')
        # The version, as a distribution's start-up script records it.
        version = run(None, 'ovs-vswitchd', '--version').split('\n')[0].split()[-1]
        self.vsctl('--no-wait', 'set', 'Open_vSwitch', '.', f'ovs_version={version}', *settings)
        self.start_switch()
        # For whoever types `chassis1 ovs-vsctl show` in Mininet's command line.
        self.cmd(''.join(f'export {name}={value};' for name, value in self.env.items()))
        for intf in self.intfNames():
            run(self, 'ethtool', '-K', intf, 'tx', 'off')
            run(self, 'ip', 'link', 'set', intf, 'up')

    def start_database(self):
        """Starts ovsdb-server."""
        run(self, 'ovsdb-server', *self._daemon('ovsdb-server'), f'--remote=punix:{self.dir}/db.sock',
            '--remote=db:Open_vSwitch,Open_vSwitch,manager_options', f'{self.dir}/conf.db', env=self.env)

    def start_switch(self):
        """Starts ovs-vswitchd, for example again after `stop_switch`."""
        run(self, 'ovs-vswitchd', *self._daemon('ovs-vswitchd'), f'unix:{self.dir}/db.sock', env=self.env)

    def stop_switch(self):
        """Ends ovs-vswitchd, and with it forwarding; the database stays."""
        stop_daemon(self.dir / 'ovs-vswitchd.pid')

    def stop(self, deleteIntfs=True):
        """Ends Open vSwitch."""
        self.stop_switch()
        stop_daemon(self.dir / 'ovsdb-server.pid')
        super().stop(deleteIntfs)

    def vsctl(self, *args):
        """ovs-vsctl here; returns what it printed."""
        return run(self, 'ovs-vsctl', '--timeout=20', *args, env=self.env)

    def ofctl(self, *args, stdin=None):
        """ovs-ofctl here; returns what it printed. `stdin` feeds a file argument of `-`."""
        return run(self, 'ovs-ofctl', '-OOpenFlow15', *args, env=self.env, stdin=stdin)

    def appctl(self, *args):
        """ovs-appctl on the ovs-vswitchd here; returns what it printed."""
        return run(self, 'ovs-appctl', '--timeout=20', *args, env=self.env)

    def flows(self, bridge):
        """The flows of a bridge, a line each, without counters."""
        return self.ofctl('dump-flows', '--no-stats', bridge).splitlines()

    def peers(self):
        """The nodes at the other ends of the links, each with the interface here."""
        return [(end.node, intf) for intf in self.intfList() for end in (intf.link.intf1, intf.link.intf2)
                if end is not intf]

    def add_bridge(self, bridge, *ports):
        """Adds a bridge that forwards like an ordinary switch, with ports."""
        added = [word for port in ports for word in ('--', 'add-port', bridge, port)]
        self.vsctl('add-br', bridge, '--', 'set', 'Bridge', bridge, 'datapath_type=netdev', *added)

    def _daemon(self, name):
        return [f'--pidfile={self.dir}/{name}.pid', f'--log-file={self.dir}/{name}.log',
                '-vconsole:off', '--detach', '--no-chdir']
