// Registers by name in the text of flows, also where several share bits, each in tables of its own; and what they hold in words.
import { expect, test } from 'vitest'
import { pipeline } from '#flows/pipeline'
import { nameRegisters } from '../../src/main/register-text.ts'

const named = nameRegisters(pipeline)
const numberOf = (name: string) => pipeline.tables.find(t => t.bridge === 'br-int' && t.name === name)?.number ?? -1

test.each([
  ['connection_owner', 'reg13=0x1,reg14=0x1', 'judged_port=0x1,label_port=0x1'],
  ['security_rules', 'reg13=0x2,reg14=0x3', 'group=0x2,page=0x3'],
  ['router_route', 'reg13=0x4', 'router=0x4'],
  ['remote_address', 'ip,reg12=0x80000000/0x80000000', 'ip,policy=0x80000000/0x80000000'],
  ['firewall_rules', 'reg12=0x3', 'firewall=0x3'],
  ['router_neighbor', 'reg2=0x6000/0x6000', 'found=0x1,found_router=0x1'],
])('%s: %s is %s', (table, text, words) => {
  expect(named('br-int', numberOf(table), text)).toBe(words)
})

test.each([
  [
    'neighbor',
    'ip,reg4=0x0,reg5=0x0,reg6=0xffff,reg7=0xa000001,metadata=0x3',
    'ip,neighbor_address=10.0.0.1,network=0x3',
  ],
  ['neighbor', 'reg4=0xfd000000,reg5=0x0,reg6=0x0,reg7=0x5', 'neighbor_address=fd00::5'],
  [
    'router_route',
    'set_field:0xffff0a000001->xxreg1,goto_table:46',
    'set_field:10.0.0.1->neighbor_address,goto_table:46',
  ],
  [
    'router_route',
    'dec_ttl,set_field:0xfd000000->reg4,set_field:0x0->reg5,set_field:0x0->reg6,set_field:0x5->reg7,goto_table:46',
    'dec_ttl,set_field:fd00::5->neighbor_address,goto_table:46',
  ],
  ['router_route', 'move:NXM_OF_IP_DST[]->NXM_NX_XXREG1[0..31]', 'move:NXM_OF_IP_DST[]->neighbor_address[0..31]'],
  ['remote_members', 'reg7=0xa000001', 'remote_address=10.0.0.1'],
  ['remote_prefixes', 'reg4=0x20010db8,reg5=0x90000/0xffff0000', 'remote_address=2001:db8:9::/48'],
  [
    'remote_prefixes',
    'ipv6,reg4=0x0,reg5=0x0,reg6=0xffff,reg7=0xa000000/0xff000000',
    'ipv6,remote_address=::ffff:a00:0/104',
  ],
  ['remote_prefixes', 'ip,reg7=0xa000000/0xff000000', 'ip,remote_address=10.0.0.0/8'],
])('an address in words: %s: %s is %s', (table, text, words) => {
  expect(named('br-int', numberOf(table), text)).toBe(words)
})

test.each([
  ['neighbor', 'reg4=0x0,reg7=0xa000001', 'neighbor_address=0xa000001/0xffffffff0000000000000000ffffffff'],
  ['security_rules', 'reg8=0x1/0x1', 'remote_groups=0x1000000000000000000000000/0x1000000000000000000000000'],
])('what is no whole address stays a number: %s: %s', (table, text, words) => {
  expect(named('br-int', numberOf(table), text)).toBe(words)
})

test.each([
  ['router_snatted', 'reg8=0xfa16/0xffff,reg9=0x3e000009', 'router_mac=fa:16:3e:00:00:09'],
  ['classify', 'set_field:0x7fffffff->reg12', 'set_field:firewall_only->policy'],
  ['router_transit', 'reg3=0xffff0000/0xffff0000', 'gateway=none'],
])('a MAC, and values with a name: %s: %s is %s', (table, text, words) => {
  expect(named('br-int', numberOf(table), text)).toBe(words)
})
