// Every flow that a table shows of itself, for the tests of its contract.
import type { FlowSpec, Table } from '#compiler'

/** Its fixed flows, its table miss, and what its rules make of their examples. */
export const allFlows = (table: Table): readonly FlowSpec[] => [
  ...table.fixed,
  { priority: 0, match: {}, actions: table.miss },
  ...table.rules.map(rule => rule.flow(rule.example)),
]
