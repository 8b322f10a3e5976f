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
  readonly type: 'text' | 'flag' | 'number' | 'choice' | 'record' | 'records'
  /** For `choice`. */
  readonly choices?: readonly string[]
  /** For `record`, and `records`, which are written one after the other by name or id: of which kind. */
  readonly kind?: string
  /** The field in whose value this one goes, by name. */
  readonly partOf?: string
  readonly isRequired?: boolean
  /** Only asked for when it is created. */
  readonly isFixed?: boolean
  readonly preset?: string | boolean
  readonly placeholder?: string
  /** What the form's text becomes in the request; the text itself when absent. */
  readonly toRequest?: (text: string, values: Values) => unknown
  /** What the form shows of a resource; the value itself when absent. */
  readonly toText?: (item: Resource) => string
  /** Whether a flag is set; by its name when absent. */
  readonly toFlag?: (item: Resource) => boolean
}

/** What a form holds, by the names of its fields. */
export type Values = Readonly<Record<string, string | boolean>>

/** A field names what there is not. */
export class FieldError extends Error {
  override name = 'FieldError'
  readonly field: string
  readonly value: string
  constructor(field: string, value: string) {
    super(`${field}: there is no ${value}`)
    this.field = field
    this.value = value
  }
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

interface AddressPair extends FixedIp {
  readonly mac_address?: string
}

interface Gateway {
  readonly network_id: string
  readonly enable_snat?: boolean
}

const gatewayOf = (item: Resource) => item.external_gateway_info as Gateway | null
const orNull = (text: string) => (text === '' ? null : text)

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
      { name: 'security_groups', label: 'field.groups', type: 'records', kind: 'security_group' },
      {
        ...{
          name: 'allowed_address_pairs',
          label: 'field.pairs',
          type: 'text',
          placeholder: '10.0.0.201, 10.0.0.202 fa:16:…',
        },
        toRequest: text =>
          text
            .split(',')
            .filter(one => one.trim() !== '')
            .map(one => {
              const [ip, mac] = one.trim().split(/\s+/)
              return { ip_address: ip, ...(mac === undefined ? {} : { mac_address: mac }) }
            }),
        toText: item =>
          ((item.allowed_address_pairs ?? []) as readonly AddressPair[])
            .map(pair =>
              pair.mac_address === item.mac_address ? pair.ip_address : `${pair.ip_address} ${pair.mac_address}`,
            )
            .join(', '),
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
        value: item => gatewayOf(item)?.network_id,
        kind: 'network',
      },
      plain('field.up', 'admin_state_up'),
    ],
    fields: [
      name,
      {
        ...{ name: 'external_gateway_info', label: 'field.external', type: 'record', kind: 'network' },
        toRequest: (id, { enable_snat: translates }) =>
          id === '' ? null : { network_id: id, enable_snat: translates === true },
        toText: item => gatewayOf(item)?.network_id ?? '',
      },
      {
        ...{ name: 'enable_snat', label: 'field.snat', type: 'flag', preset: true, partOf: 'external_gateway_info' },
        toFlag: item => gatewayOf(item)?.enable_snat ?? true,
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
  {
    kind: 'firewall_group',
    columns: [
      plain('field.status', 'status'),
      { label: 'field.ports', value: item => (item.ports as readonly string[]).length },
      { label: 'field.ingress', value: item => item.ingress_firewall_policy_id, kind: 'firewall_policy' },
      { label: 'field.egress', value: item => item.egress_firewall_policy_id, kind: 'firewall_policy' },
    ],
    fields: [
      name,
      {
        ...{ name: 'ingress_firewall_policy_id', label: 'field.ingress', type: 'record', kind: 'firewall_policy' },
        toRequest: orNull,
      },
      {
        ...{ name: 'egress_firewall_policy_id', label: 'field.egress', type: 'record', kind: 'firewall_policy' },
        toRequest: orNull,
      },
      { name: 'ports', label: 'kinds.port', type: 'records', kind: 'port' },
      up,
      description,
    ],
  },
  {
    kind: 'firewall_policy',
    columns: [
      { label: 'field.rules', value: item => (item.firewall_rules as readonly string[]).length },
      plain('field.description', 'description'),
    ],
    fields: [
      name,
      { name: 'firewall_rules', label: 'field.rules.order', type: 'records', kind: 'firewall_rule' },
      description,
    ],
  },
  {
    kind: 'firewall_rule',
    columns: [
      plain('field.action', 'action'),
      plain('field.protocol', 'protocol'),
      plain('field.source', 'source_ip_address'),
      plain('field.destination', 'destination_ip_address'),
      plain('field.ports', 'destination_port'),
      plain('field.enabled', 'enabled'),
    ],
    fields: [
      name,
      { name: 'action', label: 'field.action', type: 'choice', choices: ['allow', 'deny', 'reject'], preset: 'allow' },
      {
        ...{ name: 'ip_version', label: 'field.version', type: 'choice', choices: ['4', '6'], preset: '4' },
        toRequest: Number,
      },
      { name: 'protocol', label: 'field.protocol', type: 'text', placeholder: 'tcp, udp, icmp', toRequest: orNull },
      { name: 'source_ip_address', label: 'field.source', type: 'text', placeholder: '10.0.0.0/8', toRequest: orNull },
      { name: 'destination_ip_address', label: 'field.destination', type: 'text', toRequest: orNull },
      { name: 'source_port', label: 'field.sourceport', type: 'text', toRequest: orNull },
      {
        name: 'destination_port',
        label: 'field.ports',
        type: 'text',
        placeholder: '443, 8000:8080',
        toRequest: orNull,
      },
      { name: 'enabled', label: 'field.enabled', type: 'flag', preset: true },
      description,
    ],
  },
]

/** The page of a kind. */
export const resourceKind = (kind: string): ResourceKind | undefined => resourceKinds.find(one => one.kind === kind)

/** What names become in a request: the ids of records of a kind, and back. */
export interface Names {
  /** Undefined when there is no such record. */
  idOf(kind: string, text: string): string | undefined
  nameOf(kind: string, id: string): string
}

/** What a form begins with: what the resource is, or what is usual. */
export const valuesOf = (fields: readonly Field[], item: Resource | undefined, names: Names): Values =>
  Object.fromEntries(
    fields.map(field => [field.name, field.type === 'flag' ? flagOf(field, item) : textIn(field, item, names)]),
  )

const flagOf = ({ name: flag, preset, toFlag }: Field, item: Resource | undefined): boolean =>
  item === undefined ? preset === true : toFlag ? toFlag(item) : item[flag] === true

const textIn = (field: Field, item: Resource | undefined, names: Names): string => {
  if (item === undefined) return (field.preset as string | undefined) ?? ''
  if (field.type !== 'records') return textOf(field, item)
  return ((item[field.name] ?? []) as readonly string[]).map(id => names.nameOf(field.kind ?? '', id)).join(', ')
}

const requestOf = (field: Field, text: string, values: Values, names: Names): unknown => {
  if (field.type !== 'records')
    return field.toRequest ? field.toRequest(text, values) : field.type === 'number' ? Number(text) : text
  const named = text
    .split(',')
    .map(one => one.trim())
    .filter(one => one !== '')
  return named.map(one => {
    const id = names.idOf(field.kind ?? '', one)
    if (id === undefined) throw new FieldError(field.name, one)
    return id
  })
}

/**
 * The body of a request: what was filled in, or, for a change, what is not as it was. Throws FieldError when a field names
 * what there is not.
 */
export const bodyOf = (
  fields: readonly Field[],
  values: Values,
  before: Resource | undefined,
  names: Names,
): Record<string, unknown> => {
  const was = valuesOf(fields, before, names)
  const isTouched = ({ name: field }: Field) => values[field] !== was[field]
  const body: Record<string, unknown> = {}
  for (const field of fields) {
    const value = values[field.name]
    if (value === undefined || field.partOf !== undefined || (before && field.isFixed)) continue
    const isChanged = isTouched(field) || fields.some(part => part.partOf === field.name && isTouched(part))
    if (typeof value === 'boolean') {
      if (!before || isChanged) body[field.name] = value
    } else if (before ? isChanged : value.trim() !== '')
      body[field.name] = requestOf(field, value.trim(), values, names)
  }
  const { cidr } = body
  if (typeof cidr === 'string') body.ip_version = cidr.includes(':') ? 6 : 4
  return body
}

/** What a form shows of a resource. */
const textOf = (field: Field, item: Resource): string =>
  field.toText ? field.toText(item) : item[field.name] == null ? '' : String(item[field.name])

/** The field that an error of Neutron's is about: the first whose name, or value, it says. */
export const fieldOf = (fields: readonly Field[], values: Values, message: string): string | undefined => {
  const named = fields.find(field => new RegExp(`\\b${field.name}\\b`).test(message))
  if (named) return named.name
  const value = (field: Field) => values[field.name]
  const quoted = fields.find(field => {
    const text = value(field)
    return typeof text === 'string' && text.length > 2 && message.includes(text)
  })
  return quoted?.name
}
