"""What the controller tells of changes as they happen: a client of its event feed, on Python's standard library alone."""
import base64
import json
import os
import socket
import struct
import time

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class Feed:
    """A connection to the feed (a WebSocket, RFC 6455) of a controller, from now on; `close()` it in the end."""

    def __init__(self, api, token=None):
        host, port = api.rsplit(':', 1)
        self._socket = socket.create_connection((host, int(port)), timeout=20)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = ['GET /flowright/v1/events HTTP/1.1', f'Host: {api}', 'Connection: Upgrade', 'Upgrade: websocket',
                 'Sec-WebSocket-Version: 13', f'Sec-WebSocket-Key: {key}', *([f'X-Auth-Token: {token}'] if token else [])]
        self._socket.sendall('\r\n'.join([*lines, '', '']).encode())
        self._file = self._socket.makefile('rb')
        status = self._file.readline().decode().strip()
        if ' 101 ' not in status:
            raise ConnectionError(f'{api} offers no feed: {status}')
        while self._file.readline().strip():
            pass
        self._costs = {}
        self._revisions = {}
        self._send(TEXT, json.dumps({'type': 'resume', 'revision': 0}).encode())
        hello = self._receive()
        #: The pipeline: dicts with `bridge`, `number`, `name`, `file`, `description` and `next`.
        self.tables = hello['tables']

    def forget(self):
        """What happened so far is not asked for any more."""
        self._costs.clear()
        self._revisions.clear()

    def cost(self, kind, resource_id, seconds=20):
        """What the last change of a resource cost, awaited until all chassis have acknowledged it.

        A dict: `compile` in milliseconds, flows `added` and `removed`, `bytes` of the messages for all `chassis` that
        had to be told, and more. Call `forget` before the change.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            cost = self._costs.get(self._revisions.get((kind, resource_id)))
            if cost is not None and cost['waiting'] == 0:
                return cost
            self._take(self._receive())
        raise TimeoutError(f'no chassis acknowledged the change of {kind} {resource_id} in {seconds} s')

    def close(self):
        """Ends the connection."""
        self._file.close()
        self._socket.close()

    def _take(self, message):
        for commit in message.get('commits', ()):
            for change in commit['changes']:
                self._revisions[change['kind'], change['id']] = commit['revision']
        for cost in message.get('costs', ()):
            self._costs[cost['revision']] = cost

    def _receive(self):
        while True:
            first, size = self._file.read(2)
            size &= 0x7f
            if size > 125:
                form = '!H' if size == 126 else '!Q'
                size, = struct.unpack(form, self._file.read(struct.calcsize(form)))
            payload = self._file.read(size)
            kind = first & 0x0f
            if kind == TEXT:
                return json.loads(payload)
            if kind == PING:
                self._send(PONG, payload)
            if kind == CLOSE:
                raise ConnectionError(f'the controller closed the feed: {payload[2:].decode()}')

    def _send(self, kind, payload):
        # Clients mask what they send; with zeros it stays as it is.
        size = len(payload)
        head = bytes([0x80 | kind, 0x80 | size]) if size < 126 else bytes([0x80 | kind, 0xfe]) + struct.pack('!H', size)
        self._socket.sendall(head + bytes(4) + payload)
