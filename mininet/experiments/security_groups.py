#!/usr/bin/python3
"""What a remote group of N members costs a host: by identity (Flowright), by conjunctions, and expanded.

On one chassis are servers in the group `web`, whose rules let the members of the group `clients` in, each to another
TCP port. `clients` grows to N members, ports of the same network; one of them is a VM on another chassis, which tries
every rule of every server before it joins, as a member, and after it left; so does a stranger.

By identity: counted are the flows that judge by rules in br-int of the servers' chassis (tables policy, remote_*,
security_rules), and, from the controller's feed, what a port that joins changes: flows, bytes of the messages to all
chassis, milliseconds of compiling (medians of the last joins).

The other two are computed from the same groups, ports and addresses, read from the API, as flows that Neutron's Open
vSwitch firewall (table 82) would hold for these rules:

- expanded, as in its first releases: for each server, rule and member's address that is not the server's own, a flow
  for new connections and one for established ones: 2 x servers x rules x members;
- by conjunctions, as since then: for each address two flows of dimension 1 (each network has them for itself; here is
  one), for each server and rule two of dimension 2, for each server two that accept: 2 x (members + servers x rules +
  servers).

Another member is a pair of each flow that has its address. Bytes are those of the flow-mods as OpenFlow 1.5 messages in
a bundle, for all three; what a bundle needs besides (it is opened and committed, Flowright's has a stamp) is left out.
At the smallest N the computed flows are given to a real switch, which has to hold as many.

Prints a table, and writes results/security_groups.csv and .png beside this folder.
"""
import argparse
import csv
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mininet.log import setLogLevel
from mininet.net import Mininet

from flowright import Cloud, Feed, Flowright, run
from flowright.controller import COMMAND

RESULTS = Path(__file__).resolve().parents[1] / 'results'
FIRST_PORT = 8000
#: Ports made in one request.
BULK = 100
#: Joins of which medians are taken.
SAMPLES = 50
JUDGING = {'policy', 'remote_address', 'remote_members', 'remote_prefixes', 'security_rules'}
#: Of a message in a bundle (ofp_bundle_add_msg without its message).
BUNDLE_ADD = 16

LISTEN = '''
import selectors, socket, sys
listeners = selectors.DefaultSelector()
for port in range(int(sys.argv[1]), int(sys.argv[2])):
    listeners.register(socket.create_server(('', port), backlog=100), selectors.EVENT_READ)
print('ready', flush=True)
while True:
    for key, _ in listeners.select():
        key.fileobj.accept()[0].close()
'''
CONNECT = '''
import socket, sys
from concurrent.futures import ThreadPoolExecutor
def reaches(end):
    try:
        socket.create_connection(end, timeout=float(sys.argv[3])).close()
        return 1
    except OSError:
        return 0
ends = [(host, port) for host in sys.argv[4:] for port in range(int(sys.argv[1]), int(sys.argv[2]))]
with ThreadPoolExecutor(len(ends)) as pool:
    print(sum(pool.map(reaches, ends)))
'''


class NoResult(Exception):
    """Something did not behave as it must; the message says what."""


class World:
    """Servers on chassis1, a client and a stranger on chassis2, and the members that are not plugged in."""

    def __init__(self, net, servers, rules, members):
        self.net, self.rest = net, net['c0'].rest
        self.feed = Feed(net['c0'].api)
        self.ports = (FIRST_PORT, FIRST_PORT + rules)
        network = self.rest.create('network', name='net')['id']
        self.rest.create('subnet', network_id=network, ip_version=4, cidr='10.0.0.0/16', enable_dhcp=False)
        self.clients, self.web, self.sender = (
            self.rest.create('security_group', name=name)['id'] for name in ('clients', 'web', 'sender'))
        self.rest.create_all('security_group_rule', [
            {'security_group_id': self.web, 'direction': 'ingress', 'protocol': 'tcp', 'port_range_min': port,
             'port_range_max': port, 'remote_group_id': self.clients} for port in range(*self.ports)])

        def plug(vm, chassis, group):
            port = self.rest.create('port', network_id=network, security_groups=[group])['id']
            net[vm].plug(net[chassis], port)
            return port
        self.servers = [f'vm{i + 1}' for i in range(servers)]
        for vm in self.servers:
            plug(vm, 'chassis1', self.web)
        self.client, self.stranger = f'vm{servers + 1}', f'vm{servers + 2}'
        self.client_port = plug(self.client, 'chassis2', self.sender)
        plug(self.stranger, 'chassis2', self.sender)
        self.rest.wait_active(*(port['id'] for port in self.rest.list('port')))
        self.listeners = [self._listen(net[vm]) for vm in self.servers]
        self.waiting = [port['id'] for n in range(0, members, BULK) for port in self.rest.create_all(
            'port', [{'network_id': network, 'security_groups': []}] * min(BULK, members - n))]
        self.judging = [t['number'] for t in self.feed.tables if t['bridge'] == 'br-int' and t['name'] in JUDGING]

    def join(self, port, *groups):
        """Puts a port into groups; what that cost, once every chassis has acknowledged it."""
        self.feed.forget()
        self.rest.update('port', port, security_groups=list(groups))
        return self.feed.cost('port', port)

    def grow(self, count):
        """Adds members that are not plugged in; what each cost."""
        joining, self.waiting = self.waiting[:count], self.waiting[count:]
        return [self.join(port, self.clients) for port in joining]

    def reached(self, vm, patience):
        """How many rules of servers let a VM in."""
        hosts = [self.net[server].IP() for server in self.servers]
        return int(run(self.net[vm], '/usr/bin/python3', '-c', CONNECT, *self.ports, patience, *hosts))

    def check(self):
        """The client joins and leaves: it must be let in while it is a member, the stranger never.

        Returns the flows and the model while it is one.
        """
        everything = len(self.servers) * (self.ports[1] - self.ports[0])
        found = [self.reached(self.client, 0.5), self.reached(self.stranger, 0.5)]
        self.join(self.client_port, self.sender, self.clients)
        found += [self.reached(self.client, 5), self.reached(self.stranger, 0.5)]
        flows = self.flows()
        model = self.model()
        self.join(self.client_port, self.sender)
        found.append(self.reached(self.client, 0.5))
        if found != [0, 0, everything, 0, 0]:
            raise NoResult(f'client and stranger reached {found[:2]}, with the client a member {found[2:4]}, then '
                           f'{found[4]} of {everything}')
        return flows, model

    def flows(self):
        """How many flows the servers' switch holds that judge by rules."""
        return sum(flow_count(self.net['chassis1'], 'br-int', f'table={table}') for table in self.judging)

    def model(self):
        """The addresses of members, the servers as ofport and address, the TCP ports of rules: all from the API."""
        address = {port['id']: port['fixed_ips'][0]['ip_address'] for port in self.rest.list('port')}
        members = [address[port['id']] for port in self.rest.list('port', security_groups=self.clients)]
        rules = self.rest.list('security_group_rule', security_group_id=self.web, remote_group_id=self.clients)
        chassis = self.net['chassis1']
        servers = [(int(chassis.vsctl('get', 'Interface', nic.tap, 'ofport')), address[nic.port_id])
                   for vm in self.servers for nic in self.net[vm].nics.values()]
        return members, servers, [rule['port_range_min'] for rule in rules]

    def close(self):
        """Ends what listens, and the feed."""
        for listener in self.listeners:
            listener.kill()
            listener.wait()
        self.feed.close()

    def _listen(self, vm):
        listener = vm.popen(['/usr/bin/python3', '-c', LISTEN, *map(str, self.ports)], stdout=subprocess.PIPE, text=True)
        if listener.stdout.readline().strip() != 'ready':
            raise NoResult(f'{vm.name} does not listen')
        return listener


def flow_count(chassis, bridge, *which):
    """How many flows a switch says that it has."""
    return int(chassis.ofctl('dump-aggregate', bridge, *which).split('flow_count=')[1].split()[0])


STATES = ('+est-rel-rpl', '+new-est')


def accepted(ofport):
    """For each state, what is done with a packet that a rule allows."""
    out = f'output:{ofport}'
    return zip(STATES, (out, f'ct(commit,zone=NXM_NX_REG6[0..15]),{out},resubmit(,92)'))


def expanded(members, servers, rules):
    """Flows of servers x rules x members."""
    return [f'table=82,priority=77,ct_state={state},tcp,reg5={ofport},nw_src={member},tcp_dst={port},actions={actions}'
            for ofport, own in servers for port in rules for member in members if member != own
            for state, actions in accepted(ofport)]


def conjunctive(members, servers, rules):
    """Flows of members + servers x rules."""
    ids = list(zip(STATES, (16, 17)))
    return [
        *(f'table=82,priority=73,ct_state={state},ip,reg6=1,nw_src={member},actions=conjunction({conj},1/2)'
          for member in members for state, conj in ids),
        *(f'table=82,priority=73,ct_state={state},tcp,reg5={ofport},tcp_dst={port},actions=conjunction({conj},2/2)'
          for ofport, _ in servers for port in rules for state, conj in ids),
        *(f'table=82,priority=73,ct_state={state},conj_id={conj},ip,reg5={ofport},actions={actions}'
          for ofport, _ in servers for (state, actions), (_, conj) in zip(accepted(ofport), ids)),
    ]


COMPUTED = {'expanded': expanded, 'conjunctive': conjunctive}


def size(flow):
    """Bytes of the message that adds a flow in a bundle."""
    done = subprocess.run([str(COMMAND), 'ofp', 'encode', 'flow-mod', flow], capture_output=True, text=True, check=True)
    return BUNDLE_ADD + len(done.stdout.strip()) // 2


def computed(model):
    """For each way: how many flows the model takes, and how many flows and bytes another member."""
    members, servers, rules = model
    result = {}
    for name, make in COMPUTED.items():
        before = set(make(members, servers, rules))
        more = [flow for flow in make([*members, '10.0.255.254'], servers, rules) if flow not in before]
        # Flows of the two states differ in size, those of one state hardly: addresses and ports are of fixed length.
        sizes = sum(size(next(flow for flow in more if state in flow)) * sum(state in flow for flow in more)
                    for state in STATES)
        result[name] = {'flows': len(before), 'member_flows': len(more), 'member_bytes': sizes}
    return result


def prove(chassis, model):
    """Gives the flows of each way to a real switch, which has to hold as many as were computed."""
    for name, make in COMPUTED.items():
        flows = make(*model)
        chassis.add_bridge('br-check')
        # A bridge has a flow of its own to begin with.
        chassis.ofctl('del-flows', 'br-check')
        chassis.ofctl('--bundle', 'add-flows', 'br-check', '-', stdin='\n'.join(flows) + '\n')
        held = flow_count(chassis, 'br-check')
        chassis.vsctl('del-br', 'br-check')
        if held != len(flows):
            raise NoResult(f'{name}: computed {len(flows)} flows, the switch holds {held}')


def measure(sizes, servers, rules):
    """Yields a row for each number of members."""
    net = Mininet(topo=Cloud(chassis=2, vms=servers + 2), controller=Flowright, build=False)
    world = None
    try:
        net.start()
        world = World(net, servers, rules, max(sizes))
        have = 0
        for n in sizes:
            # The client is one of them.
            costs = world.grow(n - 1 - have)[-SAMPLES:]
            have = n - 1
            flows, model = world.check()
            if n == min(sizes):
                prove(net['chassis1'], model)
            others = computed(model)
            yield {
                'members': n, 'flows': flows,
                'member_flows': statistics.median_low(cost['added'] + cost['removed'] for cost in costs),
                'member_bytes': statistics.median_low(cost['bytes'] for cost in costs),
                'member_compile_ms': round(statistics.median(cost['compile'] for cost in costs), 3),
                **{f'{name}_{key}': value for name, values in others.items() for key, value in values.items()},
            }
    finally:
        if world is not None:
            world.close()
        net.stop()


def plot(rows, path, setting):
    """Draws the flows, and the bytes for another member, of each way."""
    import matplotlib
    matplotlib.use('Agg')
    from matplotlib import pyplot
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9.6, 4), layout='constrained')
    members = [row['members'] for row in rows]
    ways = (('expanded_', 'expanded', '#b2453c', 6), ('conjunctive_', 'conjunctions', '#b98a2f', 6),
            ('', 'by identity (Flowright)', '#2f6f9f', -13))
    for axes, key in ((left, 'flows'), (right, 'member_bytes')):
        for prefix, label, color, above in ways:
            values = [row[prefix + key] for row in rows]
            axes.plot(members, values, 'o-', color=color, label=label)
            axes.annotate(f'{values[-1]:,.0f}', (members[-1], values[-1]), textcoords='offset points', xytext=(0, above),
                          ha='center', fontsize=8, color=color)
        axes.set(xscale='log', yscale='log', xlabel=f'members of the remote group; {setting}')
        axes.set_xticks(members, [f'{n:,}' for n in members])
        axes.minorticks_off()
        axes.margins(x=0.1, y=0.12)
        axes.spines[['top', 'right']].set_visible(False)
    left.set_ylabel('flows on the chassis')
    right.set_ylabel('bytes to chassis for another member')
    left.legend(frameon=False, loc='upper left')
    figure.savefig(path, dpi=100)


COLUMNS = (('members', 'members', 7), ('flows', 'flows', 7), ('expanded_flows', 'expanded', 9),
           ('conjunctive_flows', 'conj.', 6), ('member_flows', 'a member:', 10), ('expanded_member_flows', 'expanded', 9),
           ('conjunctive_member_flows', 'conj.', 6), ('member_bytes', 'bytes', 6),
           ('expanded_member_bytes', 'expanded', 9), ('conjunctive_member_bytes', 'conj.', 6),
           ('member_compile_ms', 'compile ms', 10))


def main():
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--members', default='10,30,100,300,1000',
                        help='sizes of the group, ascending (default: %(default)s)')
    parser.add_argument('--servers', type=int, default=10, help='default: %(default)s')
    parser.add_argument('--rules', type=int, default=5, help='default: %(default)s')
    parser.add_argument('--results', type=Path, default=RESULTS, help='where the CSV and the plot go (default: %(default)s)')
    options = parser.parse_args()
    setLogLevel('error')
    rows = []
    print(' '.join(title.rjust(width) for _, title, width in COLUMNS), flush=True)
    start = time.monotonic()
    try:
        for row in measure([int(n) for n in options.members.split(',')], options.servers, options.rules):
            rows.append(row)
            print(' '.join(f'{row[key]:{width}g}' for key, _, width in COLUMNS),
                  f'  ({time.monotonic() - start:.0f} s)', flush=True)
    except NoResult as error:
        print(f'{error}: no result', file=sys.stderr)
        return 1
    options.results.mkdir(parents=True, exist_ok=True)
    with open(options.results / 'security_groups.csv', 'w', newline='', encoding='utf-8') as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator='\n')
        writer.writeheader()
        writer.writerows(rows)
    plot(rows, options.results / 'security_groups.png', f'{options.servers} servers, {options.rules} rules')
    print(f"written: {options.results / 'security_groups.csv'} and .png")
    return 0


if __name__ == '__main__':
    sys.exit(main())
