// Which interfaces on br-int claim which ports, read from the database, and told to the model.
import type { Uuid } from 'ovsdb-client'
import { claimPort, claims, type ReportedClaim, releaseClaim } from '#model/binding'
import type { Transaction } from '#model/transaction'
import { BR_INT } from './names.ts'
import type { View } from './schema.ts'

/** Claims of a host by interface name. */
export type Claims = ReadonlyMap<string, ReportedClaim>

type InterfaceRow = ReturnType<ReturnType<typeof interfacesOf>['get']>
const interfacesOf = (view: View) => view.table('Interface')

/**
 * Reads the claims of a host again and again. Rows are immutable, so what a row says is read once; an interface
 * without a number is not yet there, and claims nothing.
 */
export class ClaimReader {
  readonly #chassis: string
  readonly #known = new WeakMap<object, ReportedClaim | false>()

  constructor(chassis: string) {
    this.#chassis = chassis
  }

  read(view: View): Claims {
    const found = new Map<string, ReportedClaim>()
    const ports = view.table('Port')
    const interfaces = interfacesOf(view)
    for (const bridge of view.table('Bridge').values()) {
      if (bridge.name !== BR_INT) continue
      for (const port of bridge.ports) {
        for (const uuid of ports.get(port)?.interfaces ?? ([] as readonly Uuid[])) {
          const claim = this.#claimOf(interfaces.get(uuid))
          if (claim) found.set(claim.interface, claim)
        }
      }
    }
    return found
  }

  #claimOf(row: InterfaceRow): ReportedClaim | false {
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
