// Which networks reach which chassis: those that have a port there, and those that routers connect with them, because a
// chassis routes what its own ports send. Pure functions of a transaction.
import { attachments, bindings, localVlans } from './chassis.ts'
import { routerPorts } from './router.ts'
import type { Reader, Transaction } from './transaction.ts'

/** A network, and all that one can be routed to from it, the external ones apart. */
export const routedFrom = (reader: Reader, network: string): ReadonlySet<string> => {
  const found = new Set([network])
  for (const from of found)
    for (const { role, routerId } of reader.by(routerPorts, 'network', from))
      if (role === 'interface')
        for (const to of reader.by(routerPorts, 'router', routerId))
          if (to.role === 'interface') found.add(to.networkId)
  return found
}

const attachmentId = (chassis: string, network: string) => `${chassis}/${network}`

const hasMember = (reader: Reader, chassis: string, network: string) =>
  reader.countBy(bindings, 'attachment', attachmentId(chassis, network)) > 0

const put = (tx: Transaction, chassis: string, network: string, isMember: boolean): void => {
  const id = attachmentId(chassis, network)
  const old = tx.get(attachments, id)
  if (old) tx.replace(attachments, { ...old, isMember })
  else tx.insert(attachments, { id, chassis, network, localVlan: tx.allocate(localVlans, chassis), isMember })
}

const drop = (tx: Transaction, chassis: string, network: string): void => {
  const old = tx.get(attachments, attachmentId(chassis, network))
  if (!old) return
  tx.remove(attachments, old.id)
  tx.release(localVlans, old.localVlan, chassis)
}

/** Makes the attachments of a chassis to networks that routers connect what the ports there ask for. */
const settle = (tx: Transaction, chassis: string, routed: ReadonlySet<string>): void => {
  const members = new Set([...routed].filter(network => hasMember(tx, chassis, network)))
  for (const network of routed) {
    if (members.size > 0) put(tx, chassis, network, members.has(network))
    else drop(tx, chassis, network)
  }
}

/**
 * Lets a network, and those behind its routers, reach a chassis, before a port is bound there. Throws PoolExhausted, with
 * nothing done.
 */
export const attach = (tx: Transaction, chassis: string, network: string): void => {
  if (tx.get(attachments, attachmentId(chassis, network))?.isMember) return
  const routed = routedFrom(tx, network)
  const added = [...routed].filter(to => !tx.get(attachments, attachmentId(chassis, to)))
  try {
    for (const to of routed) put(tx, chassis, to, to === network || hasMember(tx, chassis, to))
  } catch (error) {
    for (const to of added) drop(tx, chassis, to)
    throw error
  }
}

/** After a port was unbound: takes from the chassis the networks that nothing there needs any more. */
export const detach = (tx: Transaction, chassis: string, network: string): void => {
  if (!hasMember(tx, chassis, network)) settle(tx, chassis, routedFrom(tx, network))
}

/** After a router was connected with networks or taken from them: brings them where they are needed. Throws PoolExhausted. */
export const reattach = (tx: Transaction, networks: Iterable<string>): void => {
  const all = new Set(networks)
  const at = new Set([...all].flatMap(network => Array.from(tx.by(attachments, 'network', network), a => a.chassis)))
  const done = new Set<string>()
  for (const network of all) {
    if (done.has(network)) continue
    const routed = routedFrom(tx, network)
    for (const one of routed) done.add(one)
    for (const chassis of at) settle(tx, chassis, routed)
  }
}
