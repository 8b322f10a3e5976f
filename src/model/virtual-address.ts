// Where addresses are that several ports may have (allowed address pairs): with the one that last spoke for it. Hosts find out by
// themselves; routers are told by these records, which the fabric keeps.
import { type Kind, kind } from './kind.ts'
import type { Transaction } from './transaction.ts'

/** An address that is an allowed address pair of a port which has it now. */
export interface VirtualAddress {
  /** `<network id>/<address>` */
  readonly id: string
  readonly networkId: string
  /** Canonical IPv4 or IPv6 text. */
  readonly ip: string
  /** The MAC that has it: the port's, or one of its own (VRRP). */
  readonly macAddress: string
  readonly portId: string
}

/** All virtual addresses that are known to be somewhere. */
export const virtualAddresses: Kind<VirtualAddress, 'network' | 'port'> = kind<VirtualAddress>()('virtual_address', {
  index: { network: v => [v.networkId], port: v => [v.portId] },
})

/** How many are known on one network, and in all. */
const MOST = { network: 256, all: 4096 } as const

/** A port spoke for an address. Too many addresses: it stays unknown. Returns whether it is known. */
export const noteVirtualAddress = (tx: Transaction, spoken: Omit<VirtualAddress, 'id'>): boolean => {
  const id = `${spoken.networkId}/${spoken.ip}`
  if (tx.get(virtualAddresses, id)) {
    tx.replace(virtualAddresses, { id, ...spoken })
    return true
  }
  if (tx.countBy(virtualAddresses, 'network', spoken.networkId) >= MOST.network) return false
  if (tx.count(virtualAddresses) >= MOST.all) return false
  tx.insert(virtualAddresses, { id, ...spoken })
  return true
}
