// Flows in words, from the text that the controller prints.
import { expect, it } from 'vitest'
import { readFlow } from '../../src/console/flows/reading.ts'
import type { Language } from '../../src/console/text/messages.ts'

const names = (kind: string, key: number) => (kind === 'port' && key === 5 ? 'web1' : undefined)
const read = (match: string, actions: string, language: Language = 'en') =>
  readFlow({ match, actions, reason: '', priority: 10 }, names, () => 'spoofed', language)

it.each([
  [
    'neighbor_address=10.0.0.1,network=0x1',
    'set_field:0x5->destination_port',
    'Anything, the owner of 10.0.0.1, on network 1 → to web1',
  ],
  ['neighbor_address=fd00::5', 'drop', 'Anything, the owner of fd00::5 → no more to do here'],
  ['ip,router=0x2', 'set_field:fd00::5->neighbor_address', 'IPv4, in router 2 → next fd00::5'],
  ['ip,source_port=0x5,router=0x2', 'goto_table:l2_lookup', 'IPv4, sent by web1, in router 2 → goes on to l2_lookup'],
  ['gateway=none', 'drop', 'Anything, no gateway lives → no more to do here'],
  ['gateway=0x4001', 'goto_table:x', 'Anything, gateway at port 16385 → goes on to x'],
  ['source_port=0x0,origin=0x3', 'drop', 'Anything, not from a port here, from a router here → no more to do here'],
])('%s', (match, actions, words) => {
  expect(read(match, actions)).toBe(words)
})

it.each([
  ['firewall_only', 'guarded by a firewall alone', '仅由防火墙保护'],
  ['0x0', 'without port security', '未启用端口安全'],
  ['0x7', 'policy 7', '策略 7'],
  ['0x80000007', 'policy 7, stateless', '策略 7（无状态）'],
  ['0x80000000/0x80000000', 'of stateless groups', '无状态组'],
])('says what the policy %s is', (value, english, chinese) => {
  expect(read(`policy=${value}`, 'drop')).toBe(`Anything, ${english} → no more to do here`)
  expect(read(`policy=${value}`, 'drop', 'zh')).toContain(`，${chinese} → `)
})

it('says which policy a frame gets', () => {
  expect(read('in_port=7', 'set_field:firewall_only->policy,goto_table:port_security')).toBe(
    'Anything, in by OpenFlow port 7 → guarded by a firewall alone, goes on to port_security',
  )
})
