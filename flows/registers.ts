// Which bits of which register carry what, between which tables. `docs/pipeline.md` is printed from this, and a test
// refuses two live values in the same bits, and a table that uses a value outside its life.
import { type Action, type Masked, masked, type Subfield, setField } from 'node-openflow/flow'
import type { Bridge } from '#compiler'

/** Names of the first and the last table between which a value lives; in the tables that these call by resubmit too. */
export type Life = readonly [from: string, to: string]

/** What a register is. */
interface RegisterSpec {
  readonly bridge: Bridge
  readonly field: 'metadata' | `reg${number}` | `xxreg${number}`
  /** Its lowest and its highest bit; absent: the whole field. */
  readonly bits?: readonly [low: number, high: number]
  readonly lives: readonly Life[]
  readonly doc: string
}

/** A named register: how to load it, how to match on it. */
export interface Register extends RegisterSpec {
  readonly name: string
  /** As actions that copy name it: `reg3[0..15]`. */
  readonly part: Subfield
  /** The action that loads a value. */
  set(value: number | bigint): Action
  /** The part of a match that asks for a value, in the bits of a mask if one is given. */
  is(
    value: number | bigint,
    mask?: number | bigint,
  ): Readonly<Record<string, number | bigint | Masked<number | bigint>>>
}

const WIDTHS = { metadata: 64, xxreg: 128, reg: 32 } as const

/** How many bits a field has. */
const widthOf = (field: RegisterSpec['field']): number => WIDTHS[field.replace(/\d+$/, '') as keyof typeof WIDTHS]

const register = (name: string, spec: RegisterSpec): Register => {
  const { field, bits } = spec
  const width = widthOf(field)
  const [low, high] = bits ?? [0, width - 1]
  const onWire = (value: bigint) => (width === 32 ? Number(value) : value)
  const place = (value: number | bigint) => onWire(BigInt(value) << BigInt(low))
  const all = (1n << BigInt(high - low + 1)) - 1n
  const mask = bits === undefined ? undefined : place(all)
  return {
    name,
    ...spec,
    part:
      bits === undefined ? (field as Subfield) : (`${field}[${low === high ? low : `${low}..${high}`}]` as Subfield),
    set: value => setField(field as 'reg0', place(value) as number, mask as number | undefined),
    is: (value, given) => {
      const within = given === undefined ? mask : place(given)
      return { [field]: within === undefined ? place(value) : masked(place(value), within) }
    },
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
  lives: [['classify', 'output']],
  doc: 'key of the network that the frame is on',
})

/** The sending port's key. */
export const sourcePort = register('source_port', {
  bridge: 'br-int',
  field: 'reg0',
  lives: [['classify', 'output']],
  doc: 'key of the local port that sent the frame; 0 when it came from elsewhere',
})

/** The receiving port's key. */
export const destinationPort = register('destination_port', {
  bridge: 'br-int',
  field: 'reg1',
  lives: [['l2_lookup', 'output']],
  doc: 'key of the port that the frame goes to; 0xffffffff leaves the chassis',
})

/** Where the frame came from. */
export const origin = register('origin', {
  bridge: 'br-int',
  field: 'reg2',
  bits: [0, 1],
  lives: [['classify', 'output']],
  doc: '0 a local port, 1 a tunnel, 2 a provider network: what came from outside does not go out again',
})

/** The conntrack zone. */
export const zone = register('zone', {
  bridge: 'br-int',
  field: 'reg3',
  bits: [0, 15],
  lives: [['classify', 'output']],
  doc: 'conntrack zone of the network on this chassis: its local VLAN there',
})

/** The network key, on br-tun. */
export const tunnelNetwork = register('network', {
  bridge: 'br-tun',
  field: 'metadata',
  lives: [['local_vlan', 'to_local']],
  doc: 'key of the network that the frame is on',
})

/** The receiving chassis. */
export const destinationChassis = register('destination_chassis', {
  bridge: 'br-tun',
  field: 'reg1',
  lives: [['unicast', 'vtep']],
  doc: 'key of the chassis that the frame goes to',
})

/** The tunnel port. */
export const tunnelPort = register('tunnel_port', {
  bridge: 'br-tun',
  field: 'reg2',
  lives: [['local_vlan', 'vtep']],
  doc: "OpenFlow port of the network's tunnel type",
})

/** All registers, for the documentation and its test. */
export const registers: readonly Register[] = [
  ...[network, sourcePort, destinationPort],
  ...[origin, zone],
  ...[tunnelNetwork, destinationChassis, tunnelPort],
]
