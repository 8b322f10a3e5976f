// Port forwardings, as Neutron shows them below their floating IP.
import {
  createPortForwarding,
  deletePortForwarding,
  type FloatingIp,
  type PortForwarding,
  type PortRange,
  portForwardings,
  refuse,
  updatePortForwarding,
} from '#model'
import { find } from '../engine/collection.ts'
import { describedIn, identified } from '../engine/common.ts'
import { attributesOf, type PostBody, type PutBody, type Resource, recordsOf, resource } from '../engine/resource.ts'
import { integer, ip, nullable, oneOf, text, uuid } from '../engine/value.ts'
import { floatingIpResource } from './floating-ip.ts'
import { portResource } from './port.ts'
import { readRange, singlePort } from './port-range.ts'

const l4Port = nullable(integer(1, 65535))
const rangeText = ({ first, last }: PortRange) => `${first}:${last}`

const attributes = attributesOf<PortForwarding>()({
  ...identified,
  internal_port_id: { type: uuid, post: 'required', put: true, show: f => f.internalPortId },
  internal_ip_address: { type: nullable(ip), post: 'optional', put: true, show: f => f.internalIpAddress },
  protocol: { type: oneOf(['tcp', 'udp']), post: 'required', put: true, show: f => f.protocol },
  internal_port: { type: l4Port, post: 'optional', put: true, show: f => singlePort(f.internalPorts) },
  external_port: { type: l4Port, post: 'optional', put: true, show: f => singlePort(f.externalPorts) },
  internal_port_range: { type: nullable(text(11)), post: 'optional', put: true, show: f => rangeText(f.internalPorts) },
  external_port_range: { type: nullable(text(11)), post: 'optional', put: true, show: f => rangeText(f.externalPorts) },
  ...describedIn(),
})

type Body = PostBody<typeof attributes> | PutBody<typeof attributes>

/** The ports that a body names on one side, as a range or one; undefined when it names none. */
function portsOf(body: Body, side: 'internal' | 'external'): PortRange | undefined {
  const port = body[`${side}_port`]
  const text = body[`${side}_port_range`]
  const range = text ? readRange(text, `${side}_port_range`) : undefined
  if (!port) return range
  if (range && range.first !== port)
    throw refuse('HTTPBadRequest', { message: `${side}_port ${port} is not the first of ${side}_port_range ${text}.` })
  return range ?? { first: port, last: port }
}

function requirePorts(body: Body, side: 'internal' | 'external'): PortRange {
  const range = portsOf(body, side)
  if (range) return range
  throw refuse('HTTPBadRequest', {
    message: `Failed to parse request. Required attribute '${side}_port' or '${side}_port_range' not specified`,
  })
}

/** The resource `port_forwarding`, part of a floating IP. */
export const portForwardingResource: Resource = resource<PortForwarding, typeof attributes>({
  name: 'port_forwarding',
  plural: 'port_forwardings',
  attributes,
  parent: {
    resource: floatingIpResource,
    of: f => f.floatingIpId,
    parts: (reader, id) => reader.by(portForwardings, 'floatingIp', id),
  },
  source: recordsOf(portForwardings),
  absent: 'PortForwardingNotFound',
  standard: false,
  create(tx, body, id, context, floatingIp) {
    find(portResource, body.internal_port_id, { reader: tx, context })
    return createPortForwarding(tx, floatingIp as FloatingIp, {
      id,
      description: body.description,
      protocol: body.protocol,
      internalPortId: body.internal_port_id,
      internalIpAddress: body.internal_ip_address ?? undefined,
      internalPorts: requirePorts(body, 'internal'),
      externalPorts: requirePorts(body, 'external'),
    })
  },
  update(tx, forwarding, body, context) {
    if (body.internal_port_id !== undefined) find(portResource, body.internal_port_id, { reader: tx, context })
    return updatePortForwarding(tx, forwarding, {
      description: body.description,
      protocol: body.protocol,
      internalPortId: body.internal_port_id,
      internalIpAddress: body.internal_ip_address ?? undefined,
      internalPorts: portsOf(body, 'internal'),
      externalPorts: portsOf(body, 'external'),
    })
  },
  remove: deletePortForwarding,
})
