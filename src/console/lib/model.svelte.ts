// The resources that views show by name, read over Neutron's API and kept up to date by commits.
import { call } from './api.ts'
import { onCommits } from './live.svelte.ts'

/** A resource as the API shows it. */
export type Resource = Readonly<Record<string, unknown>> & { readonly id: string; readonly name?: string }

/** Kinds of the model that are resources of the API, and their collections. */
export const collections: Readonly<Record<string, string>> = {
  network: 'networks',
  subnet: 'subnets',
  port: 'ports',
  router: 'routers',
  floating_ip: 'floatingips',
  security_group: 'security-groups',
  security_group_rule: 'security-group-rules',
  firewall_group: 'fwaas/firewall_groups',
  firewall_policy: 'fwaas/firewall_policies',
  firewall_rule: 'fwaas/firewall_rules',
}

const keyOf = (kind: string) => collections[kind]?.split('/').at(-1)?.replaceAll('-', '_') ?? ''

/** What a request or an answer calls one record of a kind. */
export const singularOf = (kind: string): string => (kind === 'floating_ip' ? 'floatingip' : kind)

/** How long (ms) commits are gathered before what they touched is read. */
const GATHER = 120
/** Beyond so many changed records the whole collection is read. */
const SINGLY = 12

/** All records of one kind. */
class Collection {
  readonly kind: string
  items = $state.raw<ReadonlyMap<string, Resource>>(new Map())
  isLoaded = $state.raw(false)
  error = $state.raw('')
  #touched = new Set<string>()
  #timer = 0

  constructor(kind: string) {
    this.kind = kind
    onCommits(commits => {
      if (commits.length === 0) void this.load()
      // A binding shows in its port.
      for (const { changes } of commits)
        for (const change of changes) {
          if (change.kind === this.kind && change.op === 'delete') this.#forget(change.id)
          else if (change.kind === this.kind) this.#touch(change.id)
          // A rule shows in its group.
          if (this.kind === 'security_group' && change.kind === 'security_group_rule') this.#touchAll()
          // An interface or a gateway shows in its router.
          if (this.kind === 'router' && change.kind === 'router_port') this.#touchAll()
          if (this.kind === 'port' && change.kind === 'binding') this.#touch(change.id.split('@')[0]!)
        }
    })
    void this.load()
  }

  /** Reads all anew. */
  async load(): Promise<void> {
    try {
      const answer = await call<Record<string, Resource[]>>('GET', `/v2.0/${collections[this.kind]}`)
      this.items = new Map(answer[keyOf(this.kind)]!.map(item => [item.id, item]))
      this.isLoaded = true
      this.error = ''
    } catch (error) {
      this.error = (error as Error).message
    }
  }

  #forget(id: string): void {
    const items = new Map(this.items)
    items.delete(id)
    this.items = items
    this.#touched.delete(id)
  }

  #touchAll(): void {
    for (const id of this.items.keys()) this.#touch(id)
  }

  #touch(id: string): void {
    this.#touched.add(id)
    this.#timer ||= setTimeout(() => void this.#refresh(), GATHER) as unknown as number
  }

  async #refresh(): Promise<void> {
    const ids = [...this.#touched]
    this.#touched.clear()
    this.#timer = 0
    if (ids.length > SINGLY) return this.load()
    const singular = singularOf(this.kind)
    const found = await Promise.all(
      ids.map(id =>
        call<Record<string, Resource>>('GET', `/v2.0/${collections[this.kind]}/${id}`).then(
          answer => answer[singular],
          () => undefined,
        ),
      ),
    )
    const items = new Map(this.items)
    ids.forEach((id, i) => {
      const item = found[i]
      if (item) items.set(id, item)
      else items.delete(id)
    })
    this.items = items
  }
}

const known = new Map<string, Collection>()

/** The records of a kind, read when first asked for. */
export const collection = (kind: string): Collection => {
  let found = known.get(kind)
  if (found === undefined) {
    found = new Collection(kind)
    known.set(kind, found)
  }
  return found
}
