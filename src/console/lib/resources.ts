// The kinds of resources that have pages: what their lists show, and what their forms ask for.
import type { MessageKey } from '../text/messages.ts'
import type { Resource } from './model.svelte.ts'

/** A column of a list. */
export interface Column {
  readonly label: MessageKey
  readonly value: (item: Resource) => unknown
  /** The kind of record that the value names. */
  readonly kind?: string
}

/** A field of a form. */
export interface Field {
  /** As Neutron calls it. */
  readonly name: string
  readonly label: MessageKey
  readonly type: 'text' | 'flag' | 'number' | 'choice' | 'record'
  /** For `choice`. */
  readonly choices?: readonly string[]
  /** For `record`: of which kind. */
  readonly kind?: string
  readonly isRequired?: boolean
  /** Only asked for when it is created. */
  readonly isFixed?: boolean
  readonly preset?: string | boolean
  readonly placeholder?: string
  /** What the form's text becomes in the request; the text itself when absent. */
  readonly toRequest?: (text: string) => unknown
  /** What the form shows of a resource; the value itself when absent. */
  readonly toText?: (item: Resource) => string
}

/** A kind with a page. */
export interface ResourceKind {
  readonly kind: string
  readonly columns: readonly Column[]
  readonly fields: readonly Field[]
}

interface FixedIp {
  readonly ip_address: string
}

const plain = (label: MessageKey, name: string): Column => ({ label, value: item => item[name] })
const name: Field = { name: 'name', label: 'field.name', type: 'text' }
const description: Field = { name: 'description', label: 'field.description', type: 'text' }
const up: Field = { name: 'admin_state_up', label: 'field.up', type: 'flag', preset: true }

/** In the order in which one makes them. */
export const resourceKinds: readonly ResourceKind[] = [
  {
    kind: 'network',
    columns: [
      plain('field.status', 'status'),
      { label: 'field.subnets', value: item => (item.subnets as readonly string[]).length },
      plain('field.type', 'provider:network_type'),
      plain('field.segment', 'provider:segmentation_id'),
      plain('field.mtu', 'mtu'),
      plain('field.shared', 'shared'),
    ],
    fields: [name, description, { name: 'shared', label: 'field.shared', type: 'flag', preset: false }, up],
  },
  {
    kind: 'subnet',
    columns: [
      plain('field.cidr', 'cidr'),
      { label: 'field.network', value: item => item.network_id, kind: 'network' },
      plain('field.gateway', 'gateway_ip'),
      plain('field.dhcp', 'enable_dhcp'),
    ],
    fields: [
      name,
      { name: 'network_id', label: 'field.network', type: 'record', kind: 'network', isRequired: true, isFixed: true },
      {
        ...{ name: 'cidr', label: 'field.cidr', type: 'text', isRequired: true, isFixed: true },
        placeholder: '10.0.0.0/24',
      },
      { name: 'gateway_ip', label: 'field.gateway', type: 'text', toRequest: text => (text === '-' ? null : text) },
      { name: 'enable_dhcp', label: 'field.dhcp', type: 'flag', preset: true },
      description,
    ],
  },
  {
    kind: 'port',
    columns: [
      plain('field.status', 'status'),
      {
        label: 'field.addresses',
        value: item => (item.fixed_ips as readonly FixedIp[]).map(ip => ip.ip_address).join(' '),
      },
      plain('field.mac', 'mac_address'),
      { label: 'field.network', value: item => item.network_id, kind: 'network' },
      plain('field.host', 'binding:host_id'),
      plain('field.owner', 'device_owner'),
    ],
    fields: [
      name,
      { name: 'network_id', label: 'field.network', type: 'record', kind: 'network', isRequired: true, isFixed: true },
      {
        ...{ name: 'fixed_ips', label: 'field.fixed', type: 'text' },
        toRequest: text => text.split(/[\s,]+/).map(address => ({ ip_address: address })),
        toText: item => (item.fixed_ips as readonly FixedIp[]).map(ip => ip.ip_address).join(' '),
      },
      { name: 'port_security_enabled', label: 'field.security', type: 'flag', preset: true },
      up,
      description,
    ],
  },
  {
    kind: 'router',
    columns: [
      plain('field.status', 'status'),
      {
        label: 'field.external',
        value: item => (item.external_gateway_info as { readonly network_id: string } | null)?.network_id,
        kind: 'network',
      },
      plain('field.up', 'admin_state_up'),
    ],
    fields: [
      name,
      {
        ...{ name: 'external_gateway_info', label: 'field.external', type: 'record', kind: 'network' },
        toRequest: id => (id === '' ? null : { network_id: id }),
        toText: item => (item.external_gateway_info as { readonly network_id: string } | null)?.network_id ?? '',
      },
      up,
      description,
    ],
  },
  {
    kind: 'floating_ip',
    columns: [
      plain('field.addresses', 'floating_ip_address'),
      plain('field.status', 'status'),
      { label: 'field.external', value: item => item.floating_network_id, kind: 'network' },
      plain('field.fixed', 'fixed_ip_address'),
    ],
    fields: [
      {
        ...{ name: 'floating_network_id', label: 'field.external', type: 'record', kind: 'network' },
        ...{ isRequired: true, isFixed: true },
      },
      {
        ...{ name: 'port_id', label: 'kind.port', type: 'record', kind: 'port' },
        toRequest: id => (id === '' ? null : id),
      },
      description,
    ],
  },
  {
    kind: 'security_group',
    columns: [
      { label: 'field.rules', value: item => (item.security_group_rules as readonly unknown[] | undefined)?.length },
      plain('field.description', 'description'),
    ],
    fields: [name, description],
  },
]

/** The page of a kind. */
export const resourceKind = (kind: string): ResourceKind | undefined => resourceKinds.find(one => one.kind === kind)

/** The body of a request: what was filled in, or, for a change, what is not as it was. */
export const bodyOf = (
  fields: readonly Field[],
  values: Readonly<Record<string, string | boolean>>,
  before: Resource | undefined,
): Record<string, unknown> => {
  const body: Record<string, unknown> = {}
  for (const field of fields) {
    const value = values[field.name]
    if (value === undefined || (before && field.isFixed)) continue
    if (typeof value === 'boolean') {
      if (!before || before[field.name] !== value) body[field.name] = value
      continue
    }
    const text = value.trim()
    if (before ? text === textOf(field, before) : text === '') continue
    body[field.name] = field.toRequest ? field.toRequest(text) : field.type === 'number' ? Number(text) : text
  }
  const { cidr } = body
  if (typeof cidr === 'string') body.ip_version = cidr.includes(':') ? 6 : 4
  return body
}

/** What a form shows of a resource. */
export const textOf = (field: Field, item: Resource): string =>
  field.toText ? field.toText(item) : item[field.name] == null ? '' : String(item[field.name])

/** The field that an error of Neutron's is about: the first whose name, or value, it says. */
export const fieldOf = (
  fields: readonly Field[],
  values: Readonly<Record<string, string | boolean>>,
  message: string,
): string | undefined => {
  const named = fields.find(field => new RegExp(`\\b${field.name}\\b`).test(message))
  if (named) return named.name
  const value = (field: Field) => values[field.name]
  const quoted = fields.find(field => {
    const text = value(field)
    return typeof text === 'string' && text.length > 2 && message.includes(text)
  })
  return quoted?.name
}
