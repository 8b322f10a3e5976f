// Flows in words, from the text that the controller prints.
import { expect, it } from 'vitest'
import { readFlow } from '../../src/console/flows/reading.ts'

const names = (kind: string, key: number) => (kind === 'port' && key === 5 ? 'web1' : undefined)
const read = (match: string, actions: string, reason = '') =>
  readFlow({ match, actions, reason, priority: 10 }, names, () => 'spoofed', 'en')

it.each([
  [
    'neighbor_address[96..127]=0x0,neighbor_address[64..95]=0x0,neighbor_address[32..63]=0xffff,neighbor_address=0xa000001,network=0x1',
    'set_field:0x5->destination_port',
    'Anything, on network 1, the owner of 10.0.0.1 → to web1',
  ],
  [
    'neighbor_address[96..127]=0xfd000000,neighbor_address[64..95]=0x0,neighbor_address[32..63]=0x0,neighbor_address=0x5',
    'drop',
    'Anything, the owner of fd00::5 → no more to do here',
  ],
  ['ip,source_port=0x5,router=0x2', 'goto_table:l2_lookup', 'IPv4, sent by web1, in router 2 → goes on to l2_lookup'],
])('%s', (match, actions, words) => {
  expect(read(match, actions)).toBe(words)
})
