"""Answers all that come to port 7 over TCP and UDP, and port 80 over HTTP, with who they seem to be: `<address> <port>
<what they said>`. Both families. For machines outside, in tests."""
import socket, threading


def kept(target, *args):
    threading.Thread(target=target, args=args, daemon=True).start()


def seen_as(peer):
    return f"{peer[0]} {peer[1]}".encode()


def converse(s, peer):
    with s:
        try:
            while said := s.recv(65536):
                s.sendall(seen_as(peer) + b" " + said)
        except OSError:
            pass  # The other end gave up.


def serve_http(s, peer):
    with s:
        s.recv(65536)
        body = seen_as(peer) + b"\n"
        s.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


def listen(family, port, serve):
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listener.bind(("", port))
    listener.listen(1024)
    while True:
        kept(serve, *listener.accept())


def answer_datagrams(family):
    s = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.bind(("", 7))
    while True:
        said, peer = s.recvfrom(65536)
        try:
            s.sendto(seen_as(peer) + b" " + said, peer)
        except OSError:
            pass  # An ICMP error about an earlier one, or one too large.


for family in (socket.AF_INET, socket.AF_INET6):
    kept(listen, family, 7, converse)
    kept(listen, family, 80, serve_http)
    kept(answer_datagrams, family)
print("ready", flush=True)
threading.Event().wait()
