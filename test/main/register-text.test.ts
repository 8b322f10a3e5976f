// Registers by name in the text of flows, also where several share bits, each in tables of its own.
import { expect, test } from 'vitest'
import { pipeline } from '#flows/pipeline'
import { nameRegisters } from '../../src/main/register-text.ts'

const named = nameRegisters(pipeline)
const numberOf = (name: string) => pipeline.tables.find(t => t.bridge === 'br-int' && t.name === name)?.number ?? -1

test.each([
  ['connection_owner', 'reg13=0x1,reg14=0x1', 'judged_port=0x1,label_port=0x1'],
  ['security_rules', 'reg13=0x2,reg14=0x3', 'group=0x2,page=0x3'],
  ['neighbor', 'reg4=0x0,reg7=0xa000001', 'neighbor_address[96..127]=0x0,neighbor_address=0xa000001'],
  ['remote_members', 'reg7=0xa000001', 'remote_address=0xa000001'],
  ['router_route', 'reg13=0x4', 'router=0x4'],
])('%s: %s is %s', (table, text, words) => {
  expect(named('br-int', numberOf(table), text)).toBe(words)
})
