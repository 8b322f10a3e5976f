// What the API asks of the switches' counters: hits of rules, of security groups and of firewalls, drops by reason, and SNAT.
// main.ts hands in an object that asks the running switches.
import type { BridgeName, ReasonView, SourceView } from './fabric-view.ts'

/** What a chassis counted. */
export interface CountView {
  readonly chassis: string
  readonly packets: number
  readonly bytes: number
}

/** A chassis that holds such flows and did not tell what it counted. */
export interface SilentView {
  readonly chassis: string
  /** Why, in words. */
  readonly reason: string
}

/** A rule whose hits are asked for. */
export interface CountedRule {
  /** By which the hits are told. */
  readonly key: string
  readonly kind: 'security_group_rule' | 'firewall_rule'
  readonly id: string
  /** The flow set that its flows are in. */
  readonly flowSet: string
}

/** The hits of rules. */
export interface HitsView {
  /** By key: what each chassis counted that holds its flows and could be asked. */
  readonly hits: ReadonlyMap<string, readonly CountView[]>
  readonly silent: readonly SilentView[]
}

/** A flow that drops, and what it dropped on one chassis. */
export interface DropView extends CountView, ReasonView {
  readonly bridge: BridgeName
  /** Name of its table. */
  readonly table: string
  readonly cookie: bigint
  /** The records that the flow was made for; the pipeline itself where it depends on none. */
  readonly sources: readonly SourceView[]
}

/** A router whose SNAT is asked for, and the chassis that may be its gateway. */
export interface CountedRouter {
  readonly router: string
  readonly chassis: readonly string[]
}

/** What a chassis counted of a router's SNAT since the flows were written. */
export interface SnatCountView {
  readonly router: string
  readonly chassis: string
  /** Connections that began from the gateway's address. */
  readonly connections: number
  /** Packets that were dropped as no port of that address was left for them. */
  readonly exhausted: number
}

/** The counters of the running switches. Nothing rejects: those that cannot be asked are listed. */
export interface CounterView {
  /** What the flows of these rules counted since they were installed. */
  hits(rules: readonly CountedRule[]): Promise<HitsView>
  /** What the flows of these chassis dropped; those that dropped nothing are included. */
  drops(
    chassis: readonly string[],
  ): Promise<{ readonly drops: readonly DropView[]; readonly silent: readonly SilentView[] }>
  /** What these routers translated. A chassis without their flows, or that does not answer, is left out. */
  snat(asked: readonly CountedRouter[]): Promise<readonly SnatCountView[]>
}

/** No switches: nothing was counted. */
export const noCounters: CounterView = {
  hits: async () => ({ hits: new Map(), silent: [] }),
  drops: async () => ({ drops: [], silent: [] }),
  snat: async () => [],
}
