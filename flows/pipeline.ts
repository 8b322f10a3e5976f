// The tables of both bridges in packet order, and which chassis holds which flow sets.
import { PIPELINE_SET, type Pipeline, subscribe } from '#compiler'
import { attachments, chassis, isProgrammed } from '#model'
import { classify } from './br-int/00-classify.ts'
import { portSecurity } from './br-int/10-port-security.ts'
import { addressSecurity } from './br-int/11-address-security.ts'
import { ndSecurity } from './br-int/12-nd-security.ts'
import { arpResponder } from './br-int/30-arp-responder.ts'
import { ndResponder } from './br-int/31-nd-responder.ts'
import { ndReply } from './br-int/32-nd-reply.ts'
import { l2Lookup } from './br-int/60-l2-lookup.ts'
import { l2Learned } from './br-int/61-l2-learned.ts'
import { l2Unknown } from './br-int/62-l2-unknown.ts'
import { flood } from './br-int/63-flood.ts'
import { outputTable } from './br-int/90-output.ts'
import { tunnelClassify } from './br-tun/00-tunnel-classify.ts'
import { localVlan } from './br-tun/10-local-vlan.ts'
import { unicast } from './br-tun/20-unicast.ts'
import { tunnelFlood } from './br-tun/21-tunnel-flood.ts'
import { vtep } from './br-tun/22-vtep.ts'
import { admit } from './br-tun/30-admit.ts'
import { toLocal } from './br-tun/40-to-local.ts'

/** What Flowright programs. */
export const pipeline: Pipeline = {
  tables: [
    ...[classify, portSecurity, addressSecurity, ndSecurity],
    ...[arpResponder, ndResponder, ndReply],
    ...[l2Lookup, l2Learned, l2Unknown, flood, outputTable],
    ...[tunnelClassify, localVlan, unicast, tunnelFlood, vtep, admit, toLocal],
  ],
  subscriptions: [
    subscribe(chassis, c =>
      isProgrammed(c) ? [PIPELINE_SET, 'fabric', `chassis/${c.id}`].map(flowSet => ({ chassis: c.id, flowSet })) : [],
    ),
    subscribe(attachments, ({ chassis: id, network }) => [{ chassis: id, flowSet: `network/${network}` }]),
  ],
}
