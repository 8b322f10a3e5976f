// Where packets go between the tables of a chassis: flows summed up by where they lead, with what they counted.

import type { BridgeName } from './fabric-view.ts'
import type { FlowRows } from './feed-flows.ts'
import type { FeedEdge } from './feed-messages.ts'
import type { LiveFlow, LiveView } from './live-view.ts'
import { inSlices } from './slices.ts'

const LEADS =
  /goto_table:"?([\w ]+)"?|resubmit\([^,)]*,"?([\w ]+)"?(?:,ct)?\)|\btable="?([\w ]+)"?|\b(output[:(]|IN_PORT\b|CONTROLLER\b|controller\b|NORMAL\b|bundle_load\(|group:|LOCAL\b)/g

/** Where actions lead: names of tables, `output` (a port), `controller`, or `return` to the table that asked. */
export const leadsOf = (actions: string): readonly string[] => {
  const found = new Set<string>()
  for (const [, goto, resubmit, conntrack, word] of actions.replaceAll(/learn\([^)]*\)/g, '').matchAll(LEADS)) {
    const to = goto ?? resubmit ?? conntrack
    if (to !== undefined) found.add(to)
    else if (word !== undefined) found.add(word.toLowerCase() === 'controller' ? 'controller' : 'output')
  }
  return found.size === 0 ? ['return'] : [...found]
}

/** Sums the flows of one bridge of a chassis up. Works in slices; resolves with undefined when `isWanted` does not hold any more. */
export const edgesOf = async (
  live: LiveView,
  rows: FlowRows,
  bridge: BridgeName,
  packetsOf: (cookie: bigint) => number,
  leads: Map<bigint, readonly string[]>,
  isWanted: () => boolean,
): Promise<readonly FeedEdge[] | undefined> => {
  const nameOf = new Map(live.tables.filter(t => t.bridge === bridge).map(({ number, name }) => [number, name]))
  const edges = new Map<string, { -readonly [K in keyof FeedEdge]: FeedEdge[K] }>()
  const add = (flow: LiveFlow) => {
    let to = leads.get(flow.cookie)
    if (to === undefined) {
      to = flow.drop ? ['drop'] : leadsOf(flow.text().actions)
      leads.set(flow.cookie, to)
    }
    const from = nameOf.get(flow.table) ?? `table ${flow.table}`
    for (const one of to) {
      const key = `${from} ${one}`
      const edge = edges.get(key) ?? { from, to: one, flows: 0, packets: 0 }
      edge.flows++
      edge.packets += packetsOf(flow.cookie)
      edges.set(key, edge)
    }
  }
  const ours = [...rows.rows.values()].filter(flow => flow.bridge === bridge)
  if (!(await inSlices(ours, add, isWanted))) return undefined
  return [...edges.values()]
}
