// How chassis stand, as the feed shows them: all of it small, so that what changed is found by comparing.
import { bindings, type Chassis, chassis, claims, ports, type Reader } from '#model'
import type { BridgeView, FabricView } from './fabric-view.ts'
import type { FeedBridge, FeedChassis } from './feed-messages.ts'

const showBridge = ({ state, flows, drift, quarantined }: BridgeView): FeedBridge => ({
  ...{ state, flows, drift, quarantined },
})

const showChassis = (c: Chassis, reader: Reader, fabric: FabricView): FeedChassis => {
  const session = fabric.session(c.id)
  const programming = fabric.programming(c.id)
  return {
    ...{ id: c.id, key: c.key, hostname: c.hostname, admission: c.admission },
    connected: session?.isUp ?? false,
    since: session?.since ?? null,
    remote: session?.remote ?? '',
    reason: session?.reason ?? '',
    ...{ tunnelIp: c.tunnelIp, tunnelTypes: c.tunnelTypes, physicalNetworks: Object.keys(c.bridgeMappings) },
    ...{ datapathType: c.datapathType, ovsVersion: c.ovsVersion, refused: c.refused },
    problems: [...c.problems, ...(session?.problems ?? [])],
    gatewayPriority: c.gatewayPriority,
    bfd: Array.from(session?.bfd ?? [], ([key, isUp]) => ({
      chassis: reader.holder(chassis, `key ${key}`)?.id ?? '',
      isUp,
    }))
      .filter(({ chassis: other }) => other !== '')
      .sort((a, b) => (a.chassis < b.chassis ? -1 : 1)),
    acknowledged: programming?.acknowledged ?? 0,
    bridges: programming
      ? { 'br-int': showBridge(programming.bridges['br-int']), 'br-tun': showBridge(programming.bridges['br-tun']) }
      : null,
    ports: Array.from(reader.by(bindings, 'chassis', c.id), ({ port, network, state }) => ({ port, network, state })),
    unbound: Array.from(reader.by(claims, 'chassis', c.id), claim => ({
      ...{ port: claim.port, interface: claim.interface },
      reason: reader.get(ports, claim.port) === undefined ? 'there is no such port' : claim.problem,
    })).filter(({ reason }) => reason !== ''),
  }
}

/** What changed since the last look. */
export interface ChassisChanges {
  readonly chassis: readonly FeedChassis[]
  readonly gone: readonly string[]
}

/** Looks at all chassis again and again, and remembers them as they were. */
export class ChassisStates {
  readonly #reader: Reader
  readonly #fabric: FabricView
  readonly #known = new Map<string, { readonly shown: FeedChassis; readonly text: string }>()

  constructor(reader: Reader, fabric: FabricView) {
    this.#reader = reader
    this.#fabric = fabric
  }

  /** All, as they were at the last look. */
  get all(): readonly FeedChassis[] {
    return [...this.#known.values()].map(({ shown }) => shown)
  }

  /** Looks, and tells what is not as it was; undefined when all is. */
  look(): ChassisChanges | undefined {
    const changed: FeedChassis[] = []
    const present = new Set<string>()
    for (const c of this.#reader.all(chassis)) {
      const shown = showChassis(c, this.#reader, this.#fabric)
      const text = JSON.stringify(shown)
      present.add(c.id)
      if (this.#known.get(c.id)?.text === text) continue
      this.#known.set(c.id, { shown, text })
      changed.push(shown)
    }
    const gone = [...this.#known.keys()].filter(id => !present.has(id))
    for (const id of gone) this.#known.delete(id)
    return changed.length + gone.length === 0 ? undefined : { chassis: changed, gone }
  }
}
