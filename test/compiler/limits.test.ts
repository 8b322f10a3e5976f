import { expect, test } from 'vitest'
import { Compiler } from '#compiler'
import { pipeline } from '#flows/pipeline'
import type { Chassis, Port } from '#model'
import { aBinding, aChassis, aNetwork, anAttachment, aPort, commitOf } from '#test/support/model'

const address = (i: number) => ({
  macAddress: `fa:16:3e:00:${(i >> 8).toString(16).padStart(2, '0')}:${(i & 255).toString(16).padStart(2, '0')}`,
  fixedIps: [{ subnetId: 's', ipAddress: `10.0.${i >> 8}.${i & 255}` }],
})

const flowOf = (compiler: Compiler, flowSet: string, table: number, priority: number) => {
  const found = [...(compiler.flowSet(flowSet)?.entries.values() ?? [])].filter(
    entry => entry.table === table && entry.priority === priority,
  )
  expect(found).toHaveLength(1)
  return found[0]
}

test('a network floods to 1,949 ports of one policy on a chassis and to its uplink; those beyond are named', () => {
  const [net, host] = [aNetwork('net', 1), aChassis('host1', 1)]
  const ports: Port[] = Array.from({ length: 1952 }, (_, i) => aPort(`p${i + 1}`, i + 1, 'net', address(i + 1)))
  const compiler = new Compiler(pipeline)
  const binding = ports.map(port => aBinding(port, host, port.key + 10))
  compiler.apply(
    commitOf({ network: [net], chassis: [host], port: ports, binding, attachment: [anAttachment(net, host, 2)] }),
  )
  const flood = flowOf(compiler, 'chassis/host1', 64, 10)
  expect(flood?.instructions.length).toBeLessThan(65_000)
  expect(flood?.flow.actions.filter(action => action.type === 'resubmit')).toHaveLength(1952)
  const [conflict, ...others] = compiler.conflicts
  expect(others).toEqual([])
  expect(conflict?.reason).toBe('limit')
  expect(conflict?.refused.map(source => source.id)).toEqual(['p1950@host1', 'p1951@host1', 'p1952@host1'])
})

test('a network floods to 500 chassis; when one of them leaves, one that was refused takes its place', () => {
  const net = aNetwork('net', 1)
  const hosts: Chassis[] = Array.from({ length: 501 }, (_, i) =>
    aChassis(`host${i + 1}`, i + 1, { tunnelIp: `10.9.${i >> 8}.${i & 255}` }),
  )
  const attachment = hosts.map(host => anAttachment(net, host, 2))
  const compiler = new Compiler(pipeline)
  compiler.apply(commitOf({ network: [net], chassis: hosts, attachment }))
  expect(compiler.conflicts.map(conflict => conflict.refused.map(source => source.id))).toEqual([['host501/net']])
  const [left] = attachment
  const { changes } = commitOf({ attachment: left ? [left] : [] })
  compiler.apply({
    ...commitOf({}),
    changes: changes.map(change => ({ ...change, before: change.after, after: undefined })),
  })
  expect(compiler.conflicts).toEqual([])
  const flood = flowOf(compiler, 'network/net', 21, 10)
  expect(flood?.flow.actions).toContainEqual(expect.objectContaining({ field: 'reg1', value: 501 }))
})
