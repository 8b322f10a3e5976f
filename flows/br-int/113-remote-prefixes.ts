/**
 * Remote groups by prefix: of address groups, and of ports with a prefix as allowed address pair. The longest counts, so
 * it sets the bits of those that it lies in too.
 *
 * In:   the page and the address of the other end; remote_members has set its bits.
 * Out:  back.
 *
 *   table=113, priority=26,ip,reg7=0xa090000/0xffff0000,reg14=0x2 actions=set_field:0x8/0x8->xxreg2
 *   table=113, priority=58,ipv6,reg4=0x20010db8,reg5=0x90000/0xffff0000,reg14=0x2
 *   actions=set_field:0x10000000000000000000000000/0x10000000000000000000000000->xxreg2
 */
import { drop } from 'node-openflow/flow'
import { each, table, type View } from '#compiler'
import { addressGroups, ports, type RemoteGroupBit } from '#model'
import { isHost, lengthOf, supernet } from '../addresses.ts'
import { bitsOfGroup, coveringBits } from '../policies.ts'
import { MEMBERS, type Member, remoteEnd, setBit } from '../remote-groups.ts'

/** And its length. */
const PREFIX = 10

const example: Member = { in: '2', page: 2, prefix: '10.9.0.0/16', bit: 3 }
const example6: Member = { in: '2', page: 2, prefix: '2001:db8:9::/48', bit: 100 }

const flow = ({ page, prefix, bit }: Member) => ({
  priority: PREFIX + lengthOf(prefix),
  match: remoteEnd(page, prefix),
  actions: [setBit(bit)],
})

const membersOf = (given: readonly string[], bits: readonly RemoteGroupBit[], view: View): readonly Member[] => {
  const prefixes = given.filter(prefix => !isHost(prefix)).map(prefix => supernet(prefix, lengthOf(prefix)))
  return bits.flatMap(of =>
    prefixes.flatMap(prefix =>
      coveringBits(prefix, of, view).map(bit => ({ in: String(of.page), page: of.page, prefix, bit })),
    ),
  )
}

export const remotePrefixes = table('remote_prefixes', {
  bridge: 'br-int',
  number: 113,
  match: ['reg14', 'xxreg1', 'eth_type'],
  miss: drop(),
  rules: [
    each(ports, {
      ...MEMBERS,
      rows: (port, view) => {
        const given = port.allowedAddressPairs.map(({ ipAddress }) => ipAddress)
        if (given.every(isHost)) return []
        return membersOf(
          given,
          port.securityGroups.flatMap(id => bitsOfGroup(id, view)),
          view,
        )
      },
      example,
      flow,
    }),
    each(addressGroups, {
      ...MEMBERS,
      rows: ({ id, addresses }, view) => membersOf(addresses, bitsOfGroup(id, view), view),
      example: example6,
      flow,
    }),
  ],
})
