/**
 * Remote groups by address: one flow an address, whatever the number of rules that name its groups.
 *
 * In:   by resubmit, the page and the address of the other end.
 * Out:  back, with the bits of the groups that a port with this address bears, or that list it.
 *
 *   table=112, priority=10,ip,reg7=0xa000005,reg14=0x2 actions=set_field:0x8/0x8->xxreg2
 *   table=112, priority=10,ipv6,reg4=0x20010db8,reg5=0,reg6=0,reg7=0x5,reg14=0x2
 *   actions=set_field:0x10000000000000000000000000/0x10000000000000000000000000->xxreg2
 */
import { drop } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { addressGroups, ports } from '#model'
import { isHost } from '../addresses.ts'
import { bitsOfGroup } from '../policies.ts'
import { MEMBERS, type Member, remoteEnd, setBit } from '../remote-groups.ts'

const ADDRESS = 10

const example: Member = { in: '2', page: 2, prefix: '10.0.0.5', bit: 3 }
const example6: Member = { in: '2', page: 2, prefix: '2001:db8::5', bit: 100 }

const flow = ({ page, prefix, bit }: Member) => ({
  priority: ADDRESS,
  match: remoteEnd(page, prefix),
  actions: [setBit(bit)],
})

export const remoteMembers = table('remote_members', {
  bridge: 'br-int',
  number: 112,
  match: ['reg14', 'xxreg1', 'eth_type'],
  miss: drop(),
  rules: [
    each(ports, {
      ...MEMBERS,
      rows: (port, view) => {
        const addresses = [...port.fixedIps, ...port.allowedAddressPairs].map(({ ipAddress }) => ipAddress)
        return port.securityGroups
          .flatMap(id => bitsOfGroup(id, view))
          .flatMap(({ page, bit }) => addresses.filter(isHost).map(prefix => ({ in: String(page), page, prefix, bit })))
      },
      example,
      flow,
    }),
    each(addressGroups, {
      ...MEMBERS,
      rows: ({ id, addresses }, view) =>
        bitsOfGroup(id, view).flatMap(({ page, bit }) =>
          addresses.filter(isHost).map(prefix => ({ in: String(page), page, prefix, bit })),
        ),
      example: example6,
      flow,
    }),
  ],
})
