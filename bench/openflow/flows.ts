// Flows as a pipeline has them: network keys, addresses, a rewrite, the next table.

import { goto, output, setField } from 'node-openflow/flow'

/** So many flow-mods, all different. */
export function pipelineFlows(count: number) {
  return Array.from({ length: count }, (_, i) => {
    const mac = `fa:16:3e:${[i >> 16, (i >> 8) & 255, i & 255].map(b => b.toString(16).padStart(2, '0')).join(':')}`
    const address = `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`
    const match = { metadata: BigInt(i % 100), eth_type: 0x0800, eth_dst: mac, ip_dst: address }
    const actions = i % 2 ? [setField('reg1', i), goto(60)] : [setField('eth_src', mac), output((i % 3) + 1)]
    const table = 20 + (i % 10)
    return { type: 'flow_mod', command: 'add', table, priority: 100, cookie: BigInt(i), match, actions } as const
  })
}
