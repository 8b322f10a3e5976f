// What a trace says of registers that actions wrote: their names, and what they hold in words.
import { expect, test } from 'vitest'
import { pipeline } from '#flows/pipeline'
import { registers } from '#flows/registers'
import { namesOf } from '#tracer/names'

const names = namesOf(registers, pipeline)
const at = (name: string) => ({ bridge: 'br-int', table: pipeline.tables.find(table => table.name === name)!.number })

test.each([
  ['classify', 'reg12', 0x7fffffffn, 'policy', 'firewall_only'],
  ['classify', 'reg12', 7n, 'policy', '7'],
  ['learned_neighbor', 'reg1', 0xffffffffn, 'destination_port', 'uplink'],
  ['router_gateway', 'reg3[16..31]', 0xffffn, 'gateway', 'none'],
  ['router_route', 'xxreg1', 0xffff_0a00_0005n, 'neighbor_address', '10.0.0.5'],
  ['router_route', 'xxreg1', (0xfd00n << 112n) | 5n, 'neighbor_address', 'fd00::5'],
  ['router_route', 'xxreg1[0..31]', 0x0a00_0005n, 'neighbor_address[0..31]', '10.0.0.5'],
  ['router_route', 'xxreg2[64..111]', 0xfa16_3e00_0009n, 'router_mac', 'fa:16:3e:00:00:09'],
  ['router_route', 'reg13', 2n, 'router', '2'],
] as const)('in table %s, %s = %s is %s = %s', (table, field, value, name, words) => {
  expect(names.set(at(table), field, value)).toEqual([name, words])
})
