"""Counts packets on an interface while something happens."""
import re
import signal
import subprocess
import time

#: VXLAN packets whose inner frame is broadcast or multicast (RFC 7348: the inner Ethernet header starts 16 bytes in).
VXLAN_BROADCAST = 'udp dst port 4789 and udp[16] & 1 = 1'

#: The ARP requests among them (EtherType 0x0806, opcode 1).
VXLAN_ARP_REQUEST = 'udp dst port 4789 and udp[28:2] = 0x0806 and udp[36:2] = 1'


class Counter:
    """tcpdump on the interfaces of a node; `stop()` returns how many packets matched on their way in.

    On all ports of an Underlay that is what the chassis have sent, each packet once.
    """

    def __init__(self, node, expression, interfaces=None):
        command = ['tcpdump', '-n', '-p', '-Z', 'root', '-Q', 'in', '--immediate-mode', '-w', '/dev/null']
        self.processes = [node.popen([*command, '-i', intf, expression], stderr=subprocess.PIPE, text=True)
                          for intf in interfaces or node.intfNames()]
        for process in self.processes:
            line = process.stderr.readline()
            if 'listening on' not in line:
                raise RuntimeError(f'tcpdump: {line.strip()}')

    def stop(self):
        """Ends the count."""
        # What the kernel has counted but tcpdump not yet read would be lost.
        time.sleep(0.2)
        for process in self.processes:
            process.send_signal(signal.SIGINT)
        reports = [process.communicate()[1] for process in self.processes]
        return sum(int(re.search(r'(\d+) packets? captured', report).group(1)) for report in reports)
