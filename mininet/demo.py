#!/usr/bin/python3
"""The demo: two chassis, four VMs, all created through the API and proved with packets. `flowright demo` runs it."""
import argparse
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

from mininet.cli import CLI
from mininet.log import setLogLevel
from mininet.net import Mininet

from flowright import VXLAN_ARP_REQUEST, Cloud, CommandFailed, ControllerEnded, Counter, Flowright, RestError
from flowright.controller import COMMAND
from flowright.runs import wait_for
from flowright.vm import replies

# VM, network, chassis. Both networks have the same addresses, as two customers of a cloud might; red is a VLAN of a
# physical network, on which there is also a host that is not ours.
PLACES = [('vm1', 'blue', 'chassis1'), ('vm2', 'blue', 'chassis2'), ('vm3', 'blue', 'chassis2'), ('vm4', 'red', 'chassis1')]
NETWORKS = {
    'blue': {},
    'red': {'provider:network_type': 'vlan', 'provider:physical_network': 'physnet1', 'provider:segmentation_id': 101},
}
STRANGER = '10.0.0.200'
SUBNETS = [(4, '10.0.0.0/24'), (6, 'fd00:10::/64')]
MEBIBYTES = 32

RECEIVE = '''
import hashlib, socket
listener = socket.create_server(('', 5001))
print('ready', flush=True)
peer, digest = listener.accept()[0], hashlib.sha256()
while data := peer.recv(1 << 20):
    digest.update(data)
print(digest.hexdigest())
'''
SEND = '''
import hashlib, os, socket, sys, time
data = os.urandom(int(sys.argv[2]))
start = time.monotonic()
with socket.create_connection((sys.argv[1], 5001), timeout=60) as peer:
    peer.sendall(data)
    peer.shutdown(socket.SHUT_WR)
    peer.recv(1)
print(hashlib.sha256(data).hexdigest(), time.monotonic() - start)
'''


@contextmanager
def step(what):
    """Says what is being done, and how long it took."""
    print(f'{what} ... ', end='', flush=True)
    start = time.monotonic()
    yield
    print(f'{time.monotonic() - start:.1f} s', flush=True)


def table(heading, rows):
    """Prints rows under a heading."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [heading, *rows]) for i in range(len(heading))]
    print()
    for row in [heading, ['-' * width for width in widths], *rows]:
        print('  ' + '  '.join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    print()


def create(net):
    """Creates networks, subnets and ports, plugs the VMs in and prints what there is."""
    controller = net['c0']
    rest = controller.rest
    networks = {}
    with step('Creating 2 networks, 4 subnets and 4 ports through the API'):
        for name, provider in NETWORKS.items():
            networks[name] = rest.create('network', name=name, **provider)
            rest.create_all('subnet', [{'network_id': networks[name]['id'], 'ip_version': version, 'cidr': cidr,
                                        'enable_dhcp': False, 'gateway_ip': None} for version, cidr in SUBNETS])
        ports = {vm: rest.create('port', name=vm, network_id=networks[network]['id']) for vm, network, _ in PLACES}
    with step('Plugging the VMs into their chassis (addresses are set by hand: there is no DHCP yet)'):
        for vm, _, chassis in PLACES:
            net[vm].plug(net[chassis], ports[vm]['id'])
    with step('Waiting for the ports to be ACTIVE, that is, for every switch to hold their flows'):
        rest.wait_active(*(port['id'] for port in ports.values()))
    rows = []
    for vm, name, chassis in PLACES:
        nic = net[vm].nics['eth0']
        network = networks[name]
        kind = f"{network['provider:network_type']} {network['provider:segmentation_id']}"
        rows.append([vm, chassis, name, kind, ' '.join(nic.addresses), nic.mac, nic.mtu, nic.tap])
    table(['VM', 'on', 'network', 'segment', 'addresses', 'MAC', 'MTU', 'interface'], rows)


def address_of(vm, family=4):
    """A VM's address of a family."""
    return next(a.split('/')[0] for a in vm.nics['eth0'].addresses if (':' in a) == (family == 6))


def pings(net, sender, address, expected=5):
    """Pings an address from a VM; returns whether it went as expected, and in words."""
    received = net[sender].ping(address, count=5, wait=1)
    return received == expected, f'{received} of 5 replies from {address}'


def transfer(net, sender, receiver):
    """Sends random bytes over TCP and compares digests."""
    listener = net[receiver].popen([sys.executable, '-c', RECEIVE], text=True)
    try:
        listener.stdout.readline()
        out, err, status = net[sender].pexec([sys.executable, '-c', SEND, net[receiver].IP(), str(MEBIBYTES << 20)])
        if status != 0:
            return False, err.strip().splitlines()[-1]
        sent, seconds = out.split()
        received = listener.communicate(timeout=60)[0].strip()
    finally:
        listener.kill()
    rate = MEBIBYTES * 8 * 1.048576 / float(seconds)
    return sent == received, f'{MEBIBYTES} MiB in {float(seconds):.2f} s ({rate:.0f} Mbit/s), SHA-256 {sent[:8]}... at both ends'


def prove(net):
    """Runs the checks and prints their results; returns whether all passed."""
    requests = Counter(net['underlay'], VXLAN_ARP_REQUEST)
    checks = [
        ('vm1 reaches vm2 on the other chassis', lambda: pings(net, 'vm1', address_of(net['vm2']))),
        ('vm2 reaches vm3 on its own chassis', lambda: pings(net, 'vm2', address_of(net['vm3']))),
        ('vm3 reaches vm1 over IPv6', lambda: pings(net, 'vm3', address_of(net['vm1'], 6))),
        ('TCP from vm1 to vm2', lambda: transfer(net, 'vm1', 'vm2')),
        ('no ARP request crossed the underlay', lambda: no_requests(requests.stop())),
        ('vm4 reaches a foreign host on its VLAN', lambda: pings(net, 'vm4', STRANGER)),
        # An address of blue that nobody has in red.
        ('vm4 does not reach vm2: other network', lambda: pings(net, 'vm4', address_of(net['vm2']), expected=0)),
        ('vm1 moves to chassis2, vm2 pings it', lambda: moves(net, 'vm1', 'chassis2', 'vm2')),
    ]
    results = []
    for name, check in checks:
        with step(f'Checking: {name}'):
            results.append((name, *check()))
    table(['check', 'result', 'seen'], [[name, 'ok' if passed else 'FAILED', seen] for name, passed, seen in results])
    return all(passed for _, passed, _ in results)


def moves(net, vm, chassis, witness):
    """Migrates a VM while another pings it every 10 ms; half a second without replies would be too long."""
    address = address_of(net[vm])
    ping = net[witness].popen(['ping', '-n', '-i', '0.01', '-c', '300', '-W', '1', address], text=True)
    time.sleep(1)
    net[vm].migrate(net[chassis])
    lost = 300 - replies(ping.communicate()[0])
    return lost < 50, f'{lost} of 300 pings lost, one every 10 ms'


def no_requests(count):
    """Known addresses are answered on the asking VM's own chassis."""
    return count == 0, f'{count} ARP requests in VXLAN; each was answered on its own chassis'


def explore(net):
    """Leaves the cloud to whoever is at the terminal."""
    api = net['c0'].rest.url
    # So that `sh flowright chassis` finds the command and the controller.
    os.environ['FLOWRIGHT_API'] = api
    os.environ['PATH'] = f'{COMMAND.parent}:{os.environ["PATH"]}'
    print(f'''The cloud stays until you leave with "exit" or Ctrl-D. For example:

  vm1 ping {net['vm2'].IP()}
  vm3 ping {net['vm1'].nics['eth0'].addresses[1].split('/')[0]}
  chassis1 ovs-vsctl show
  chassis1 ovs-ofctl -OOpenFlow15 dump-flows br-int
  py vm1.migrate(chassis1)                       (move vm1 back, then ping it again)
  sh flowright chassis                           (also: flows chassis1, diff chassis1)
  sh curl -s {api}/v2.0/ports
  sh openstack --os-auth-type none --os-endpoint {api} port list

From another terminal: FLOWRIGHT_API={api} {COMMAND} chassis
The API is at {api}, the controller's log is {net['c0'].log}
''')
    setLogLevel('output')
    CLI(net)
    setLogLevel('warning')


def main():
    """Builds, creates, proves, leaves open, cleans up; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--check', action='store_true', help='check and exit with a status')
    options = parser.parse_args()
    setLogLevel('warning')
    for end in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(end, lambda number, _: sys.exit(128 + number))
    net = Mininet(topo=Cloud(chassis=2, vms=4, physical_networks=1, foreign=[(f'{STRANGER}/24', 101)]), controller=Flowright, build=False)
    try:
        with step('Starting the controller, and two chassis with an Open vSwitch each'):
            net.start()
        with step('Waiting for the chassis to join'):
            wait_for('both chassis to have br-int',
                     lambda: all('br-int' in net[c].vsctl('list-br').split() for c in ('chassis1', 'chassis2')))
        create(net)
        passed = prove(net)
        print('Everything works.' if passed else 'Something does not work: see above.', flush=True)
        if not options.check:
            explore(net)
        return 0 if passed else 1
    except KeyboardInterrupt:
        print('\nInterrupted.')
        return 130
    except (RestError, CommandFailed, TimeoutError, ControllerEnded, subprocess.SubprocessError) as error:
        print(f'\ndemo: {error}', file=sys.stderr)
        if not isinstance(error, ControllerEnded):
            show_log(net)
        return 1
    finally:
        # Clean-up takes a second; another Ctrl-C must not cut it short.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with step('Cleaning up'):
            net.stop()


def show_log(net):
    """The end of the controller's log, where there is one."""
    log = net['c0'].log if 'c0' in net else None
    if log and log.exists():
        print("The end of the controller's log:", file=sys.stderr)
        print('\n'.join(log.read_text(errors='replace').splitlines()[-15:]), file=sys.stderr)


if __name__ == '__main__':
    sys.exit(main())
