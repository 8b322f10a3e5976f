// The datapath ids that we give to our bridges. The OVSDB half sets them, the OpenFlow half recognises a switch by
// them: a switch that arrives with another id is none of ours.
import { type Bridge, bridges } from '#compiler/flow-set'

// 'FLWR' in the upper half, so that an id of ours is told from one that Open vSwitch made of a MAC address.
const mark = 0x464c5752n

/** The datapath id of a bridge of a chassis: 16 hex digits, as `other_config:datapath-id` of the Bridge table has it. */
export function datapathId(chassisKey: number, bridge: Bridge): string {
  const number = (mark << 32n) | (BigInt(chassisKey) << 8n) | BigInt(bridges.indexOf(bridge) + 1)
  return number.toString(16).padStart(16, '0')
}

/** What a datapath id of a switch's features reply stands for; undefined when we did not give it. */
export function ofDatapathId(id: bigint): { readonly chassisKey: number; readonly bridge: Bridge } | undefined {
  if (id >> 32n !== mark) return undefined
  const bridge = bridges[Number(id & 0xffn) - 1]
  return bridge && { chassisKey: Number((id >> 8n) & 0xffffffn), bridge }
}
