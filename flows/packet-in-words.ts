// What becomes of a packet that a flow hands to the controller, in words.

import { ipOfBits } from './addresses.ts'
import { mtuOf, PACKET_IN, type RouterErrorReason, routerErrorOf } from './packet-in.ts'
import { valueIn } from './register.ts'
import { neighborAddress } from './registers.ts'

type Errors = Readonly<Record<Exclude<RouterErrorReason, 'tooBig'>, string>>

const errors: Errors = {
  expired: 'its TTL is used up, which a router says by ICMP (time exceeded)',
  noRoute: 'the router has no route to its destination, and says so by ICMP (network unreachable)',
  noNeighbor: 'nobody has the address that it is to go to next, and the router says so by ICMP (host unreachable)',
  notServed:
    'it is for the router itself, which answers pings alone, and says so by ICMP (port or protocol unreachable)',
  rejected: 'the sender gets a TCP reset, or ICMP (port unreachable)',
}

/** What the userdata of a packet-in asks for; `fields` are those of the packet then, registers included. */
export const packetInWords = (userdata: Uint8Array, fields: Readonly<Record<string, unknown>>): string | undefined => {
  const rest = userdata.subarray(1)
  switch (userdata[0]) {
    case PACKET_IN.cutOver:
      return 'a VM says that it has arrived by live migration, so its port is switched over'
    case PACKET_IN.routerError: {
      const why = routerErrorOf(rest)
      if (why !== 'tooBig') return why && errors[why]
      return `it is larger than ${mtuOf(rest)} bytes, the MTU where it is to go, which the router says by ICMP (packet too big)`
    }
    case PACKET_IN.nextHopWanted: {
      const hop = ipOfBits(valueIn(fields, neighborAddress))
      return `its next hop ${hop} outside is not known yet: the controller asks who has it, and then sends it on`
    }
    case PACKET_IN.portRejected:
      return errors.rejected
    default:
      return undefined
  }
}
