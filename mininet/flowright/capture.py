"""Counts or records packets on an interface while something happens."""
import re
import signal
import struct
import subprocess
import tempfile
import time
from dataclasses import dataclass
from ipaddress import ip_address

#: VXLAN packets whose inner frame is broadcast or multicast (RFC 7348: the inner Ethernet header starts 16 bytes in).
VXLAN_BROADCAST = 'udp dst port 4789 and udp[16] & 1 = 1'

#: The ARP requests among them (EtherType 0x0806, opcode 1).
VXLAN_ARP_REQUEST = 'udp dst port 4789 and udp[28:2] = 0x0806 and udp[36:2] = 1'

IPV4, IPV6, VLAN = 0x0800, 0x86DD, 0x8100
ICMP, TCP, UDP, ICMP6 = 1, 6, 17, 58
ICMP_TYPES = {(ICMP, 8): 'echo request', (ICMP, 0): 'echo reply', (ICMP6, 128): 'echo request', (ICMP6, 129): 'echo reply'}


class Counter:
    """tcpdump on the interfaces of a node; `stop()` returns how many packets matched on their way in.

    On all ports of an Underlay that is what the chassis have sent, each packet once.
    """

    def __init__(self, node, expression, interfaces=None):
        command = ['tcpdump', '-n', '-p', '-Z', 'root', '-Q', 'in', '--immediate-mode', '-w', '/dev/null']
        self.processes = [_listening(node, [*command, '-i', intf, expression]) for intf in interfaces or node.intfNames()]

    def stop(self):
        """Ends the count."""
        # What the kernel has counted but tcpdump not yet read would be lost.
        time.sleep(0.2)
        for process in self.processes:
            process.send_signal(signal.SIGINT)
        reports = [process.communicate()[1] for process in self.processes]
        return sum(int(re.search(r'(\d+) packets? captured', report).group(1)) for report in reports)


class Recorder:
    """tcpdump on one interface of a node, both directions; `stop()` returns the frames of IP that matched, in order."""

    def __init__(self, node, interface, expression=''):
        self.file = tempfile.NamedTemporaryFile(suffix='.pcap')
        command = ['tcpdump', '-n', '-p', '-Z', 'root', '--immediate-mode', '-U', '-w', self.file.name, '-i', interface]
        self.process = _listening(node, [*command, *([expression] if expression else [])])

    def stop(self):
        """Ends the recording."""
        time.sleep(0.2)
        self.process.send_signal(signal.SIGINT)
        self.process.communicate()
        with self.file as file:
            return list(_frames(file.read()))


@dataclass(frozen=True)
class Frame:
    """A frame of IP as it was on a wire; what was in a tunnel is the frame, with `vni` and the VTEPs in `tunnel`."""

    #: Seconds since the epoch.
    time: float
    eth_src: str
    eth_dst: str
    vlan: int | None
    src: str
    dst: str
    ttl: int
    protocol: int
    #: Of ICMP the type, of TCP and UDP source and destination port.
    icmp_type: int | None = None
    ports: tuple | None = None
    vni: int | None = None
    tunnel: tuple | None = None

    def __str__(self):
        what = {TCP: 'TCP', UDP: 'UDP'}.get(self.protocol) or ICMP_TYPES.get((self.protocol, self.icmp_type), 'ICMP')
        ends = [f'{address}:{port}' for address, port in zip((self.src, self.dst), self.ports)] if self.ports else (self.src, self.dst)
        tag = '' if self.vlan is None else f'VLAN {self.vlan}, '
        vxlan = '' if self.vni is None else f'VXLAN {self.vni:#x} {self.tunnel[0]} > {self.tunnel[1]}, '
        return f'{vxlan}{tag}{self.eth_src} > {self.eth_dst}, {ends[0]} > {ends[1]} {what}, TTL {self.ttl}'


def _listening(node, command):
    process = node.popen(command, stderr=subprocess.PIPE, text=True)
    line = process.stderr.readline()
    if 'listening on' not in line:
        raise RuntimeError(f'tcpdump: {line.strip()}')
    return process


def _frames(data):
    """The frames of IP in a pcap file (pcap-savefile(5))."""
    at = 24
    while at + 16 <= len(data):
        seconds, fraction, length, _ = struct.unpack_from('<IIII', data, at)
        frame = _frame(seconds + fraction / 1e6, data[at + 16:at + 16 + length])
        if frame is not None:
            yield frame
        at += 16 + length


def _mac(octets):
    return ':'.join(f'{octet:02x}' for octet in octets)


def _frame(seconds, data):
    kind, at, vlan = struct.unpack_from('>H', data, 12)[0], 14, None
    if kind == VLAN:
        tag, kind = struct.unpack_from('>HH', data, 14)
        vlan, at = tag & 0xFFF, 18
    eth = {'time': seconds, 'eth_dst': _mac(data[0:6]), 'eth_src': _mac(data[6:12]), 'vlan': vlan}
    if kind == IPV4:
        ttl, protocol = data[at + 8], data[at + 9]
        src, dst = data[at + 12:at + 16], data[at + 16:at + 20]
        at += (data[at] & 15) * 4
    elif kind == IPV6:
        ttl, protocol = data[at + 7], data[at + 6]
        src, dst = data[at + 8:at + 24], data[at + 24:at + 40]
        at += 40
    else:
        return None
    ends = {'src': str(ip_address(src)), 'dst': str(ip_address(dst)), 'ttl': ttl, 'protocol': protocol}
    if protocol in (ICMP, ICMP6):
        return Frame(**eth, **ends, icmp_type=data[at])
    if protocol not in (TCP, UDP):
        return Frame(**eth, **ends)
    ports = struct.unpack_from('>HH', data, at)
    if protocol == UDP and ports[1] == 4789:
        inner = _frame(seconds, data[at + 16:])
        vni = int.from_bytes(data[at + 12:at + 15], 'big')
        return inner and Frame(**{**vars(inner), 'vni': vni, 'tunnel': (ends['src'], ends['dst'])})
    return Frame(**eth, **ends, ports=ports)
