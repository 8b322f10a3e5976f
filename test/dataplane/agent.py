"""Sends and receives inside a VM, for tests: reads commands from standard input, a JSON array [id, name, arguments] a
line, and answers [id, result] or [id, null, error]. Sees every frame that comes in at eth0 and remembers the marks
(`~name~`) in it, so that a test asks what arrived, not whether an answer came in time."""
import json, re, resource, select, socket, sys, threading, time

MARK = re.compile(rb"~([\w.]+)~")
seen = {}
sockets = {}
received = {}
stopping = set()
reading = {}
poll = select.epoll()
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def sniff():
    # ETH_P_ALL
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)  # SO_RCVBUFFORCE
    s.bind(("eth0", 3))
    while True:
        try:
            frame, address = s.recvfrom(65535)
        except OSError:
            return  # The card is gone.
        if address[2] == socket.PACKET_OUTGOING:
            continue
        for mark in set(MARK.findall(frame)):
            seen.setdefault(mark.decode(), []).append(kind_of(frame))


def kind_of(frame):
    """`udp`, `icmp 3`: the protocol, of ICMP with its type; `fragment` for what is not the first."""
    ethertype = int.from_bytes(frame[12:14], "big")
    if ethertype == 0x800:
        protocol, rest = frame[23], frame[14 + 4 * (frame[14] & 15):]
        if int.from_bytes(frame[20:22], "big") & 0x1FFF:
            return "fragment"
    elif ethertype == 0x86DD:
        protocol, rest = frame[20], frame[54:]
        if protocol == 44:
            if int.from_bytes(frame[56:58], "big") & 0xFFF8:
                return "fragment"
            protocol, rest = frame[54], frame[62:]
    else:
        return f"{ethertype:#x}"
    name = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6", 132: "sctp"}.get(protocol, str(protocol))
    return f"{name} {rest[0]}" if name.startswith("icmp") else name


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def make_socket(family, kind):
    s = socket.socket(family, kind)
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return s


def datagram_socket(address, source=0):
    """The UDP socket bound to a port, which stays open."""
    key = ("udp", family_of(address), source)
    if key not in sockets:
        s = sockets[key] = make_socket(family_of(address), socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)
        s.bind(("", source))
    return sockets[key]


def udp(to, port, mark, source=0, size=0):
    text = f"~{mark}~".encode()
    datagram_socket(to, source).sendto(text * max(1, size // len(text)), (to, port))


def listen_udp(family, port):
    datagram_socket("::" if family == 6 else "", port)


def raw(to, protocol, hex):
    s = socket.socket(family_of(to), socket.SOCK_RAW, protocol)
    s.sendto(bytes.fromhex(hex), (to, 0))


def frame(hex):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind(("eth0", 0))
    s.send(bytes.fromhex(hex))


def stream(name, to, port, source=0, interval=0.001):
    """Sends numbered datagrams until `stop`."""
    s = datagram_socket(to, source)

    def run():
        n = 0
        due = time.monotonic()
        while name not in stopping:
            try:
                s.sendto(f"{name} {n}".encode(), (to, port))
                n += 1
            except OSError:
                pass  # An ICMP error about an earlier one.
            due = max(due + interval, time.monotonic() - 0.02)
            time.sleep(max(0, due - time.monotonic()))
        sockets[name] = n

    start(run)


def stop(name):
    """Ends a stream; how many it sent."""
    stopping.add(name)
    while name not in sockets:
        time.sleep(0.001)
    return sockets[name]


def record(name, size, number=None):
    at = received.setdefault(name, {"count": 0, "bytes": 0, "last": 0, "gap": 0, "numbers": set()})
    now = time.monotonic()
    if at["count"] and now - at["last"] > at["gap"]:
        at["gap"] = now - at["last"]
    at["count"] += 1
    at["bytes"] += size
    at["last"] = now
    if number is not None:
        at["numbers"].add(number)


def collect(family, port):
    """Counts the numbered datagrams of streams that arrive at a port."""
    s = datagram_socket("::" if family == 6 else "", port)

    def run():
        while True:
            try:
                data = s.recv(2000).decode()
                name, number = data.split()
                record(name, len(data), int(number))
            except (OSError, ValueError):
                pass  # An ICMP error, or a datagram of another kind.

    start(run)


def progress(name):
    """What arrived of a stream or a connection: count, bytes, time of the last, and the missing numbers before it."""
    at = received.get(name)
    if at is None:
        return {"count": 0, "bytes": 0, "last": 0, "missing": [], "gap": 0}
    numbers = set(at["numbers"])
    missing = sorted(set(range(max(numbers) + 1)) - numbers) if numbers else []
    return {key: at[key] for key in ("count", "bytes", "last", "gap")} | {"missing": missing}


def serve(family, port):
    """Accepts TCP connections; what arrives in one is counted as `<port> <peer's port>`, and answered when asked to."""
    listener = make_socket(socket.AF_INET6 if family == 6 else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("", port))
    listener.listen(1024)
    sockets[("tcp", family, port)] = listener

    def run():
        while True:
            s, peer = listener.accept()
            read(s, f"{port} {peer[1]}")

    start(run)


def start(target, *args):
    threading.Thread(target=target, args=args, daemon=True).start()


def read(s, name):
    """Counts what arrives in a TCP connection from now on."""
    sockets[name] = s
    reading[s.fileno()] = s, name
    poll.register(s.fileno(), select.EPOLLIN)


def keep_reading():
    while True:
        for number, _ in poll.poll():
            s, name = reading[number]
            try:
                data = s.recv(65536, socket.MSG_DONTWAIT)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if data:
                record(name, len(data))
            else:
                poll.unregister(number)


def connect(to, port, timeout=0.5, source=0):
    """Opens a TCP connection: its name at the server, `refused`, or `timeout`."""
    s = socket.socket(family_of(to), socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.settimeout(timeout)
    try:
        if source:
            s.bind(("", source))
        s.connect((to, port))
    except ConnectionRefusedError:
        return "refused"
    except OSError:
        s.close()
        return "timeout"
    s.settimeout(None)
    name = f"{port} {s.getsockname()[1]}"
    read(s, name)
    return name


def connect_many(to, port, count):
    """How many of so many TCP connections opened; they stay open."""
    names = [connect(to, port, 5) for _ in range(count)]
    return len([name for name in names if name in sockets])


def connections(port):
    return [name for name in list(sockets) if isinstance(name, str) and name.startswith(f"{port} ")]


def write_each(port):
    """Sends a little in each connection to a port; how many bytes in all."""
    return sum(sockets[name].send(b"again") for name in connections(port))


def close_each(port):
    for name in connections(port):
        s = sockets.pop(name)
        poll.unregister(s.fileno())
        s.close()


def transfer(name, chunk=1000, interval=0.01):
    """Sends in a TCP connection, once it is accepted, as long as it is open."""
    while name not in sockets:
        time.sleep(0.001)
    s = sockets[name]

    def run():
        try:
            while True:
                s.sendall(b"x" * chunk)
                time.sleep(interval)
        except OSError:
            pass  # It was closed.

    start(run)


def totals(port):
    """What arrived in all connections to a port."""
    some = [at for name, at in list(received.items()) if name.startswith(f"{port} ")]
    return {key: sum(at[key] for at in some) for key in ("count", "bytes")}


def forget_marks():
    seen.clear()


def marks(names):
    return {name: seen.get(name, []) for name in names}


start(sniff)
start(keep_reading)
print("[0, null]", flush=True)
lock = threading.Lock()


def answer(number, name, arguments):
    try:
        line = json.dumps([number, globals()[name](**arguments)])
    except Exception as error:
        line = json.dumps([number, None, repr(error)])
    with lock:
        print(line, flush=True)


for line in sys.stdin:
    start(answer, *json.loads(line))
