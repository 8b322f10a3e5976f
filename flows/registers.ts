// Which bits of which register carry what, between which tables. `docs/pipeline.md` is printed from this, and a test
// refuses two live values in the same bits, and a table that uses a value outside its life.
import { type Action, setField } from 'node-openflow/flow'
import type { Bridge } from '#compiler'

/** A named register: how to load it, how to match on it. */
export interface Register {
  readonly name: string
  readonly bridge: Bridge
  readonly field: 'metadata' | `reg${number}`
  /** Names of the first and last table between which the value lives. */
  readonly from: string
  readonly to: string
  readonly doc: string
  /** The action that loads a value. */
  set(value: number): Action
  /** The part of a match that asks for a value. */
  is(value: number): Readonly<Record<string, number | bigint>>
}

const register = (name: string, spec: Pick<Register, 'bridge' | 'field' | 'from' | 'to' | 'doc'>): Register => {
  const wide = spec.field === 'metadata'
  const value = (n: number) => (wide ? BigInt(n) : n)
  return {
    name,
    ...spec,
    set: n => setField(spec.field as 'reg0', value(n) as number),
    is: n => ({ [spec.field]: value(n) }),
  }
}

/** Where a frame on br-int came from, beyond its port: values of `origin`. */
export const ORIGIN = { local: 0, tunnel: 1, provider: 2 } as const

/** A destination port key that stands for "out of this chassis": no port has it. */
export const UPLINK = 0xffffffff

/** The network key, on br-int. */
export const network = register('network', {
  bridge: 'br-int',
  field: 'metadata',
  from: 'classify',
  to: 'output',
  doc: 'key of the network that the frame is on',
})

/** The sending port's key. */
export const sourcePort = register('source_port', {
  bridge: 'br-int',
  field: 'reg0',
  from: 'classify',
  to: 'output',
  doc: 'key of the local port that sent the frame; 0 when it came from elsewhere',
})

/** The receiving port's key. */
export const destinationPort = register('destination_port', {
  bridge: 'br-int',
  field: 'reg1',
  from: 'l2_lookup',
  to: 'output',
  doc: 'key of the port that the frame goes to; 0xffffffff leaves the chassis',
})

/** Where the frame came from. */
export const origin = register('origin', {
  bridge: 'br-int',
  field: 'reg2',
  from: 'classify',
  to: 'output',
  doc: '0 a local port, 1 a tunnel, 2 a provider network: what came from outside does not go out again',
})

/** The conntrack zone. */
export const zone = register('zone', {
  bridge: 'br-int',
  field: 'reg3',
  from: 'classify',
  to: 'output',
  doc: 'conntrack zone of the network on this chassis: its local VLAN there',
})

/** The network key, on br-tun. */
export const tunnelNetwork = register('network', {
  bridge: 'br-tun',
  field: 'metadata',
  from: 'local_vlan',
  to: 'to_local',
  doc: 'key of the network that the frame is on',
})

/** The receiving chassis. */
export const destinationChassis = register('destination_chassis', {
  bridge: 'br-tun',
  field: 'reg1',
  from: 'unicast',
  to: 'vtep',
  doc: 'key of the chassis that the frame goes to',
})

/** The tunnel port. */
export const tunnelPort = register('tunnel_port', {
  bridge: 'br-tun',
  field: 'reg2',
  from: 'local_vlan',
  to: 'vtep',
  doc: "OpenFlow port of the network's tunnel type",
})

/** All registers, for the documentation and its test. */
export const registers: readonly Register[] = [
  network,
  sourcePort,
  destinationPort,
  origin,
  zone,
  tunnelNetwork,
  destinationChassis,
  tunnelPort,
]
