/**
 * Who has an address of a network: one flow an address, for those who ask in ARP or neighbour discovery and for routers.
 *
 * In:   by resubmit, a network and an address on it. What other tables know of the address is there already: this has the last word.
 * Out:  back, with the MAC and the key of the port that alone has the address, and found set.
 *
 *   table=102, priority=10,reg4=0,reg5=0,reg6=0xffff,reg7=0xa000005,metadata=0x3
 *   actions=set_field:0x2000/0x6000->reg2,set_field:0xfa163e000005/0xffffffffffff->xxreg2,set_field:0x5->reg1
 */
import { drop } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { ports } from '#model'
import { addressBits } from '../addresses.ts'
import { addressOwners, portFacts } from '../facts.ts'
import { foundNeighbor } from '../neighbors.ts'
import { destinationPort, neighborAddress, network } from '../registers.ts'

const ADDRESS = 10

export const neighbor = table('neighbor', {
  bridge: 'br-int',
  number: 102,
  match: ['metadata', 'xxreg1'],
  miss: drop(),
  rules: [
    each(ports, {
      scope: 'network',
      rows: (port, view) => {
        const isRouter = view.value(portFacts, port.id)?.isRouter ?? false
        return addressOwners(port, view).map(owner => ({ ...owner, port: port.key, isRouter }))
      },
      example: { in: 'net', network: 3, ip: '10.0.0.5', mac: 'fa:16:3e:00:00:05', port: 5, isRouter: false },
      flow: row => ({
        priority: ADDRESS,
        match: { ...network.is(row.network), ...neighborAddress.is(addressBits(row.ip)) },
        actions: [...foundNeighbor(row.mac, row.isRouter), destinationPort.set(row.port)],
      }),
    }),
  ],
})
