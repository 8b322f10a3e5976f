/**
 * Who has an address that several ports may have (allowed address pairs), for routers: the port that last spoke for it. Hosts that
 * ask for it are not answered from here, as the ports themselves answer.
 *
 * In:   by resubmit, a network and an address on it, after learned_neighbor had its say.
 * Out:  back, with the MAC and the key of the port, and found set.
 *
 *   table=104, priority=10,reg4=0,reg5=0,reg6=0xffff,reg7=0xa000064,metadata=0x3
 *   actions=set_field:0x2000/0x6000->reg2,set_field:0x5e000101/0xffffffffffff->xxreg2,set_field:0x5->reg1
 */
import { drop } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { virtualAddresses, withoutHostLength } from '#model'
import { addressBits } from '../addresses.ts'
import { portFacts } from '../facts.ts'
import { foundNeighbor } from '../neighbors.ts'
import { destinationPort, neighborAddress, network } from '../registers.ts'

const ADDRESS = 10

export const virtualNeighbor = table('virtual_neighbor', {
  bridge: 'br-int',
  number: 104,
  match: ['metadata', 'xxreg1'],
  miss: drop(),
  rules: [
    each(virtualAddresses, {
      scope: 'network',
      rows: ({ networkId, portId, ip, macAddress: mac }, view) => {
        const port = view.value(portFacts, portId)
        if (!port?.up || port.network !== networkId) return []
        if (!port.senders.some(sender => withoutHostLength(sender.ip) === ip && sender.mac === mac)) return []
        return [{ in: networkId, network: port.networkKey, ip, mac, port: port.key }]
      },
      example: { in: 'net', network: 3, ip: '10.0.0.100', mac: '00:00:5e:00:01:01', port: 5 },
      flow: row => ({
        priority: ADDRESS,
        match: { ...network.is(row.network), ...neighborAddress.is(addressBits(row.ip)) },
        actions: [...foundNeighbor(row.mac, false), destinationPort.set(row.port)],
      }),
    }),
  ],
})
