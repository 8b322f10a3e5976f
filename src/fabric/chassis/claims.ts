// Which interfaces on br-int claim which ports, read from the database, and told to the model.
import type { RowOf, Step, Uuid } from 'ovsdb-client'
import { claimPort, claims, type ReportedClaim, releaseClaim } from '#model/binding'
import type { Transaction } from '#model/transaction'
import { BR_INT } from './names.ts'
import type { selection, Tables, View } from './schema.ts'

/** Claims of a host by interface name. */
export type Claims = ReadonlyMap<string, ReportedClaim>

type InterfaceRow = RowOf<Tables, typeof selection, 'Interface'>
type Changes = Step<Tables, typeof selection>['changes']

/**
 * Follows the claims of a host. Rows are immutable, so what a row says is read once; an interface without a number is not
 * yet there, and claims nothing.
 */
export class ClaimReader {
  readonly #chassis: string
  readonly #known = new WeakMap<object, ReportedClaim | false>()
  /** The interfaces on br-int, and what they claim. */
  #members = new Set<Uuid>()
  #claims = new Map<string, ReportedClaim>()

  constructor(chassis: string) {
    this.#chassis = chassis
  }

  /** All claims as they are: a copy, since those that are followed change. */
  read(view: View): Claims {
    this.#readAll(view)
    return new Map(this.#claims)
  }

  /** How claims differ after some changes. A plug changes one interface: a host that has many is not read for it. */
  follow(view: View, changes: Changes): ClaimsDelta {
    if (changes.some(movesInterfaces)) {
      const before = this.#claims
      this.#readAll(view)
      return compareClaims(before, this.#claims)
    }
    const claimed: ReportedClaim[] = []
    const released: string[] = []
    for (const change of changes) {
      if (change.table !== 'Interface' || change.op !== 'modify' || !this.#members.has(change.uuid)) continue
      const { name } = change.after
      const [was, claim] = [this.#claims.get(name), this.#claimOf(change.after)]
      if (claim) this.#claims.set(name, claim)
      else this.#claims.delete(name)
      if (claim && !isSame(claim, was)) claimed.push(claim)
      if (!claim && was) released.push(name)
    }
    return { claimed, released }
  }

  #readAll(view: View): void {
    this.#members = new Set()
    this.#claims = new Map()
    const ports = view.table('Port')
    const interfaces = view.table('Interface')
    for (const bridge of view.table('Bridge').values()) {
      if (bridge.name !== BR_INT) continue
      for (const port of bridge.ports) {
        for (const uuid of ports.get(port)?.interfaces ?? ([] as readonly Uuid[])) {
          this.#members.add(uuid)
          const claim = this.#claimOf(interfaces.get(uuid))
          if (claim) this.#claims.set(claim.interface, claim)
        }
      }
    }
  }

  #claimOf(row: InterfaceRow | undefined): ReportedClaim | false {
    if (row === undefined) return false
    let claim = this.#known.get(row)
    if (claim === undefined) {
      const port = row.external_ids.get('iface-id') ?? ''
      // Nobody's port has a longer id.
      claim = port !== '' &&
        port.length <= 255 &&
        row.ofport !== undefined && {
          chassis: this.#chassis,
          interface: row.name,
          port,
          ofport: row.ofport,
          error: row.error ?? '',
        }
      this.#known.set(row, claim)
    }
    return claim
  }
}

/** Whether another set of interfaces may be on br-int after a change. */
const movesInterfaces = ({ table, op }: Changes[number]) =>
  table === 'Bridge' || table === 'Port' || (table === 'Interface' && op !== 'modify')

const isSame = (a: ReportedClaim, b: ReportedClaim | undefined) =>
  a === b || (a.port === b?.port && a.ofport === b.ofport && a.error === b.error)

/** What a host claims now and did not before, and the interfaces that claim nothing any more. */
export interface ClaimsDelta {
  readonly claimed: readonly ReportedClaim[]
  readonly released: readonly string[]
}

/** The difference between two readings. */
export const compareClaims = (before: Claims, after: Claims): ClaimsDelta => ({
  claimed: [...after.values()].filter(claim => !isSame(claim, before.get(claim.interface))),
  released: [...before.keys()].filter(name => !after.has(name)),
})

/** Tells the model of a difference. Releases go first: an interface may have been replaced by another. */
export const writeClaims = (tx: Transaction, chassisId: string, { claimed, released }: ClaimsDelta): void => {
  for (const name of released) releaseClaim(tx, chassisId, name)
  for (const claim of claimed) claimPort(tx, claim)
}

/** The claims that the model has of a chassis. */
export const knownClaims = (tx: Pick<Transaction, 'by'>, chassisId: string): Claims =>
  new Map(Array.from(tx.by(claims, 'chassis', chassisId), claim => [claim.interface, claim]))
