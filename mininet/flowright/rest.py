"""A client of the Neutron API and of Flowright's own, on Python's standard library alone."""
import ipaddress
import json
import time
import urllib.error
import urllib.parse
import urllib.request

from flowright.vm import Nic


class RestError(Exception):
    """What the API answered instead: `status` (0: no answer), `type` (such as NetworkNotFound) and `message`."""

    def __init__(self, request, status, kind, message):
        super().__init__(f'{request}: {status or "no answer"}{f" {kind}" if kind else ""}: {message}')
        self.status = status
        self.type = kind
        self.message = message


class Rest:
    """Calls by resource name in the singular, attributes as keywords: `create('network', name='blue')`."""

    def __init__(self, url, token=None):
        self.url = url.rstrip('/')
        self.token = token

    def call(self, method, path, body=None):
        """One request; `path` from the root, `body` as JSON. Returns the decoded answer, None if it is empty."""
        headers = {'Content-Type': 'application/json', 'Accept': 'application/json'}
        if self.token:
            headers['X-Auth-Token'] = self.token
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors='replace')
            try:
                detail = json.loads(text).get('NeutronError') or {}
            except (ValueError, AttributeError):
                detail = {}
            raise RestError(f'{method} {path}', error.code, detail.get('type', ''),
                            detail.get('message') or text.strip() or error.reason) from None
        except OSError as error:
            raise RestError(f'{method} {path}', 0, '', f'{self.url}: {getattr(error, "reason", error)}') from None
        return json.loads(text) if text else None

    def create(self, resource, **attributes):
        """Creates one resource and returns it."""
        return self.call('POST', _path(resource), {resource: attributes})[resource]

    def create_all(self, resource, items):
        """Creates several in one request, all or none, and returns them in order."""
        return self.call('POST', _path(resource), {_plural(resource): items})[_plural(resource)]

    def show(self, resource, resource_id):
        """One resource by its id."""
        return self.call('GET', f'{_path(resource)}/{resource_id}')[resource]

    def list(self, resource, **filters):
        """All resources that match."""
        query = urllib.parse.urlencode(filters, doseq=True)
        return self.call('GET', _path(resource) + (f'?{query}' if query else ''))[_plural(resource)]

    def update(self, resource, resource_id, **attributes):
        """Changes attributes and returns the resource."""
        return self.call('PUT', f'{_path(resource)}/{resource_id}', {resource: attributes})[resource]

    def delete(self, resource, resource_id):
        """Deletes a resource."""
        self.call('DELETE', f'{_path(resource)}/{resource_id}')

    def nic(self, port):
        """The network card that a port (or its id) describes, with prefix lengths, gateways and MTU looked up."""
        port = self.show('port', port) if isinstance(port, str) else port
        addresses, gateways = [], []
        for fixed in port['fixed_ips']:
            subnet = self.show('subnet', fixed['subnet_id'])
            length = ipaddress.ip_network(subnet['cidr']).prefixlen
            addresses.append(f"{fixed['ip_address']}/{length}")
            if subnet.get('gateway_ip'):
                gateways.append(subnet['gateway_ip'])
        mtu = self.show('network', port['network_id']).get('mtu') or 1450
        return Nic(port['id'], port['mac_address'], addresses, gateways, mtu)

    def wait_active(self, *ports, seconds=20):
        """Waits until ports are ACTIVE, that is, until the switches hold all their flows; returns the seconds it took."""
        start = time.monotonic()
        waiting = list(ports)
        while True:
            waiting = [p for p in waiting if self.show('port', p)['status'] != 'ACTIVE']
            if not waiting:
                return time.monotonic() - start
            if time.monotonic() - start > seconds:
                states = [f"{p} is {self.show('port', p)['status']}" for p in waiting]
                raise TimeoutError(f"ports not ACTIVE after {seconds} s: {', '.join(states)}")
            time.sleep(0.02)


def _plural(resource):
    return resource[:-1] + 'ies' if resource.endswith('y') else resource + 's'


def _path(resource):
    return '/v2.0/' + _plural(resource).replace('_', '-')
