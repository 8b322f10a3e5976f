// Which networks reach which chassis. Those that have a port there; those that routers connect with them, because a chassis
// routes what its own ports send; and on a gateway, all networks of the routers that it may be the gateway of. Where one
// network of a router is, there is its external network too, if the chassis has the means. Pure functions of a
// transaction: what they leave depends on bindings, routers and chassis alone, in whatever order these came.
import { type Attachment, attachments, bindings, type Chassis, chassis, isProgrammed, localVlans } from './chassis.ts'
import { gatewayCandidates, gatewayChassis } from './gateway.ts'
import { networks } from './network.ts'
import { segmentAt } from './reach.ts'
import { routerOf, routerPorts } from './router.ts'
import { PoolExhausted, type Reader, type Transaction } from './transaction.ts'

/** What keeps a crowded chassis from its work, in words. */
const CROWDED = `it reaches as many networks as it can (${localVlans.last}), and lacks some that routers need: no gateway is there`

/** A network, and all that one can be routed to from it, the external ones apart. */
export const routedFrom = (reader: Reader, network: string): ReadonlySet<string> => {
  const found = new Set([network])
  for (const from of found)
    for (const { routerId } of reader.by(routerPorts, 'connected', from))
      for (const to of reader.by(routerPorts, 'router', routerId)) if (to.role === 'interface') found.add(to.networkId)
  return found
}

/** Networks that routers connect, and what follows from their gateways. */
interface Part {
  readonly networks: ReadonlySet<string>
  /** The external networks of their routers. */
  readonly externals: ReadonlySet<string>
  /** The chassis that may be the gateway of one of their routers. */
  readonly gateways: ReadonlySet<string>
}

/** Answers questions about one state of the model; what it has found out it keeps. */
class Survey {
  readonly #reader: Reader
  readonly #parts = new Map<string, Part>()
  readonly #candidates = new Map<string, ReadonlySet<string>>()
  readonly #routed = new Map<Part, Map<string, boolean>>()
  #offered: readonly Chassis[] | undefined
  /** A chassis and a network that is about to have a port there. */
  readonly #coming: string

  constructor(reader: Reader, coming = '') {
    this.#reader = reader
    this.#coming = coming
  }

  hasMember(at: string, network: string): boolean {
    const id = attachmentId(at, network)
    return id === this.#coming || this.#reader.countBy(bindings, 'attachment', id) > 0
  }

  /** The chassis that may be the gateway of a router, or may be it again as soon as their links are up. */
  candidates(routerId: string): ReadonlySet<string> {
    let found = this.#candidates.get(routerId)
    if (found === undefined) {
      const gateway = this.#reader.holder(routerPorts, `gateway ${routerId}`)
      const segments = gateway && this.#reader.get(networks, gateway.networkId)?.segments
      this.#offered ??= [...gatewayChassis(this.#reader)]
      const choose = (among: readonly Chassis[]) =>
        segments === undefined ? [] : gatewayCandidates(among, segments, routerOf(this.#reader, routerId).key)
      const up = this.#offered.map(c => (c.providerDown.length === 0 ? c : { ...c, providerDown: [] }))
      found = new Set([...choose(this.#offered), ...choose(up)])
      this.#candidates.set(routerId, found)
    }
    return found
  }

  partOf(network: string): Part {
    const known = this.#parts.get(network)
    if (known) return known
    const reader = this.#reader
    const part = { networks: routedFrom(reader, network), externals: new Set<string>(), gateways: new Set<string>() }
    const routers = new Set<string>()
    for (const one of part.networks)
      for (const { routerId } of reader.by(routerPorts, 'connected', one)) routers.add(routerId)
    for (const routerId of routers) {
      const gateway = reader.holder(routerPorts, `gateway ${routerId}`)
      if (gateway === undefined) continue
      part.externals.add(gateway.networkId)
      for (const candidate of this.candidates(routerId)) part.gateways.add(candidate)
    }
    for (const one of part.networks) this.#parts.set(one, part)
    return part
  }

  /** Whether a chassis routes for a network: for ports of its own, or as a gateway. */
  isRouted(at: string, network: string): boolean {
    const part = this.partOf(network)
    const known = this.#routed.get(part) ?? new Map<string, boolean>()
    this.#routed.set(part, known)
    let found = known.get(at)
    if (found === undefined) {
      found = part.gateways.has(at) || [...part.networks].some(one => this.hasMember(at, one))
      known.set(at, found)
    }
    return found
  }

  /** Whether an external network is on the way out for one of the networks, `beside` which are attached already. */
  isExternal(at: string, network: string, beside: Iterable<string>): boolean {
    const reader = this.#reader
    if (reader.countBy(routerPorts, 'external', network) === 0) return false
    const c = reader.get(chassis, at)
    if (c === undefined || !isProgrammed(c)) return false
    if (segmentAt(reader.get(networks, network)?.segments ?? [], c) === undefined) return false
    if (c.gatewayPriority > 0 && !c.crowded) return true
    for (const one of beside) if (this.partOf(one).externals.has(network) && this.isRouted(at, one)) return true
    for (const { network: one } of reader.by(attachments, 'chassis', at))
      if (this.partOf(one).externals.has(network) && this.isRouted(at, one)) return true
    return false
  }
}

const attachmentId = (at: string, network: string) => `${at}/${network}`

const drop = (tx: Transaction, old: Attachment): void => {
  tx.remove(attachments, old.id)
  tx.release(localVlans, old.localVlan, old.chassis)
}

/** Gives a chassis those of the networks that it needs, and takes the others from it. Throws PoolExhausted, with none given. */
const settle = (tx: Transaction, survey: Survey, at: string, of: Iterable<string>): void => {
  const routed: string[] = []
  const others: string[] = []
  for (const network of of) (survey.isRouted(at, network) ? routed : others).push(network)
  const wanted = [...routed, ...others.filter(network => survey.isExternal(at, network, routed))]
  const isWanted = new Set(wanted)
  for (const network of others) {
    const old = isWanted.has(network) ? undefined : tx.get(attachments, attachmentId(at, network))
    if (old) drop(tx, old)
  }
  const added: Attachment[] = []
  try {
    for (const network of wanted) {
      const id = attachmentId(at, network)
      const isMember = survey.hasMember(at, network)
      const old = tx.get(attachments, id)
      if (old) tx.replace(attachments, { ...old, isMember })
      else {
        const made = { id, chassis: at, network, localVlan: tx.allocate(localVlans, at), isMember }
        tx.insert(attachments, made)
        added.push(made)
      }
    }
  } catch (error) {
    for (const made of added) drop(tx, made)
    throw error
  }
}

/** A network with all that shares its fate on a chassis. */
const around = ({ networks: routed, externals }: Part) => new Set([...routed, ...externals])

/**
 * Lets a network, and those behind its routers, reach a chassis, before a port is bound there. Throws PoolExhausted, with
 * nothing done.
 */
export const attach = (tx: Transaction, at: string, network: string): void => {
  const id = attachmentId(at, network)
  if (tx.get(attachments, id)?.isMember) return
  const survey = new Survey(tx, id)
  const part = survey.partOf(network)
  try {
    settle(tx, survey, at, around(part))
  } catch (error) {
    const old = tx.get(attachments, id)
    if (old?.isMember) tx.replace(attachments, { ...old, isMember: false })
    throw error
  }
}

/** After a port was unbound: takes from the chassis the networks that nothing there needs any more. */
export const detach = (tx: Transaction, at: string, network: string): void => {
  const survey = new Survey(tx)
  if (!survey.hasMember(at, network)) settle(tx, survey, at, around(survey.partOf(network)))
}

/** What a change of a router may bring to chassis or take from them. */
export interface Affected {
  /** Networks that are routed to one another. */
  readonly routed: ReadonlySet<string>
  readonly externals: ReadonlySet<string>
}

/** What a router connects, as it is now; to be asked before something is taken from it, and after something was added. */
export const affectedBy = (reader: Reader, routerId: string, survey = new Survey(reader)): Affected => {
  const routed = new Set<string>()
  const externals = new Set<string>()
  for (const { role, networkId } of reader.by(routerPorts, 'router', routerId)) {
    if (role === 'gateway') externals.add(networkId)
    else {
      const part = survey.partOf(networkId)
      for (const one of part.networks) routed.add(one)
      for (const one of part.externals) externals.add(one)
    }
  }
  return { routed, externals }
}

/** After a router was changed: brings the networks where they are needed, and takes them from elsewhere. Throws PoolExhausted. */
export const reattach = (tx: Transaction, { routed, externals }: Affected): void => {
  const survey = new Survey(tx)
  const at = new Set(Array.from(gatewayChassis(tx), c => c.id))
  for (const network of routed) for (const a of tx.by(attachments, 'network', network)) at.add(a.chassis)
  for (const one of at) settle(tx, survey, one, new Set([...routed, ...externals]))
}

/**
 * After chassis came, changed or left: brings to each what it needs now. With `gateways` to all that offer themselves as
 * such as well, since each may have got, or lost, a better one beside it. One that has no local VLAN for all of it is marked
 * as crowded: then it is the gateway of no router.
 */
export const reattachChassis = (tx: Transaction, ids: Iterable<string>, gateways = false): void => {
  const all = new Set(ids)
  if (gateways) for (const { id } of gatewayChassis(tx)) all.add(id)
  for (const id of all) setCrowded(tx, id, false)
  while (!settleChassis(tx, all));
}

/** False when it found that a chassis is crowded: others have become candidates by that. */
const settleChassis = (tx: Transaction, all: ReadonlySet<string>): boolean => {
  const survey = new Survey(tx)
  const of = new Map(Array.from(all, id => [id, new Set<string>()]))
  for (const [id, wanted] of of) {
    for (const { network } of tx.by(attachments, 'chassis', id)) wanted.add(network)
    for (const { network } of tx.by(bindings, 'chassis', id))
      for (const one of around(survey.partOf(network))) wanted.add(one)
  }
  const gateways = new Set(Array.from(gatewayChassis(tx), c => c.id)).intersection(all)
  if (gateways.size > 0)
    for (const { role, routerId, networkId } of tx.all(routerPorts)) {
      if (role !== 'gateway') continue
      for (const id of gateways) of.get(id)?.add(networkId)
      const candidates = survey.candidates(routerId).intersection(gateways)
      if (candidates.size === 0) continue
      const { routed, externals } = affectedBy(tx, routerId, survey)
      for (const id of candidates) for (const one of [...routed, ...externals]) of.get(id)?.add(one)
    }
  for (const [id, wanted] of of) {
    try {
      settle(tx, survey, id, wanted)
    } catch (error) {
      if (!(error instanceof PoolExhausted)) throw error
      if (setCrowded(tx, id, true)) return false
    }
  }
  return true
}

/** Whether that is new. */
const setCrowded = (tx: Transaction, id: string, crowded: boolean): boolean => {
  const c = tx.get(chassis, id)
  if (c === undefined || c.crowded === crowded) return false
  const problems = c.problems.filter(problem => problem !== CROWDED)
  tx.replace(chassis, { ...c, crowded, problems: crowded ? [...problems, CROWDED] : problems })
  return true
}

/** Takes all networks from a chassis that is being removed. */
export const detachAll = (tx: Transaction, at: string): void => {
  for (const old of [...tx.by(attachments, 'chassis', at)]) drop(tx, old)
}
