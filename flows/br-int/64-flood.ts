/**
 * Copies broadcast, multicast and unknown unicast to every member of the network on this chassis, and out of it once.
 * Each policy is asked once, before the copies to its ports; what every port receives needs no policy.
 *
 * In:   frames for more than one receiver, or for one that nobody knows.
 * Out:  flood_output, once for each local port; output for the uplink, which comes last as output tags the frame for it.
 *       Before it, what a local port sends to one receiver that nobody knows is committed, so that its answer is known;
 *       not sooner, as Open vSwitch knows no state of a connection after that.
 *
 * The flow is a message of 64 kB at most, and Open vSwitch looks into 4,096 tables for one packet: a network has at most
 * 1,949 ports of one policy on one chassis that receive what is judged, fewer of many policies; 3,900 receive the rest.
 *
 *   table=64, priority=20,reg2=0x1000/0x1000,metadata=0x3 actions=output:101
 *   table=64, priority=10,metadata=0x3 actions=set_field:0x7->reg12,resubmit(,110)
 *   table=64, priority=10,metadata=0x3 actions=set_field:0->reg15,resubmit(,101),resubmit(,90)
 */
import { drop, output, resubmit } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { attachments, bindings } from '#model'
import { activePort, networkFacts } from '../facts.ts'
import { lookupsOf } from '../policies.ts'
import { exempt, localPort, network, policy } from '../registers.ts'
import { floodOutput } from './66-flood-output.ts'
import { outputTable } from './90-output.ts'
import { commitTable } from './101-commit.ts'
import { policyTable } from './110-policy.ts'

const EXEMPT = 20
const JUDGED = 10

/** Lookups of one packet, as rows weigh; no row has more than 16 bytes for each. */
const LIMIT = 3900
const COPY = 2
/** And of a copy to a port in a firewall group. */
const GUARDED_COPY = 5

/** A policy that is to be asked, by how many lookups; or a port of it. */
type Row = { readonly in: string; readonly network: number; readonly policy: number } & (
  | { readonly lookups: number }
  | { readonly port: number; readonly weight: number }
)

/** More than a switch has ports (OFPP_MAX of OpenFlow 1.0, which Open vSwitch keeps to): members stand by policy, then by port. */
const PORTS = 0x10000

const IS_EXEMPT = exempt.is(1)
const exemptOn = (key: number) => ({ priority: EXEMPT, match: { ...network.is(key), ...IS_EXEMPT } })
const judgedOn = (key: number) => ({ priority: JUDGED, match: network.is(key) })

export const flood = table('flood', {
  bridge: 'br-int',
  number: 64,
  match: ['metadata', 'reg2'],
  next: [floodOutput, outputTable, commitTable, policyTable],
  miss: drop(),
  drops: { 0: 'no_member' },
  rules: [
    each(bindings, {
      scope: 'chassis',
      merge: 'union',
      limit: LIMIT,
      order: row => row.port,
      rows: (binding, view) => {
        const port = activePort(binding, view)
        return port?.up ? [{ in: binding.chassis, network: port.networkKey, port: binding.ofport }] : []
      },
      example: { in: 'host1', network: 3, port: 101 },
      flow: row => ({ ...exemptOn(row.network), actions: [output(row.port)] }),
    }),
    each(bindings, {
      scope: 'chassis',
      merge: 'union',
      limit: LIMIT,
      weight: row => ('port' in row ? row.weight : 1 + row.lookups),
      order: row => row.policy * PORTS + ('port' in row ? row.port : 0),
      rows: (binding, view): readonly Row[] => {
        const port = activePort(binding, view)
        if (!port?.up) return []
        const row = { in: binding.chassis, network: port.networkKey, policy: port.policy }
        const lookups = lookupsOf(port.policy, view)
        return [
          { ...row, lookups },
          { ...row, port: binding.ofport, weight: port.firewall ? GUARDED_COPY : COPY },
        ]
      },
      example: { in: 'host1', network: 3, policy: 7, lookups: 4 } as Row,
      flow: row => ({
        ...judgedOn(row.network),
        actions:
          'port' in row
            ? [localPort.set(row.port), resubmit({ table: floodOutput })]
            : [policy.set(row.policy), resubmit({ table: policyTable })],
      }),
    }),
    each(attachments, {
      scope: 'chassis',
      merge: 'union',
      order: () => Number.POSITIVE_INFINITY,
      rows: (attachment, view) => {
        const net = view.value(networkFacts, attachment.network)
        return net === undefined
          ? []
          : [false, true].map(judged => ({ in: attachment.chassis, network: net.key, judged }))
      },
      example: { in: 'host1', network: 3, judged: true },
      flow: row => ({
        ...(row.judged ? judgedOn(row.network) : exemptOn(row.network)),
        actions: [
          localPort.set(0),
          ...(row.judged ? [resubmit({ table: commitTable })] : []),
          resubmit({ table: outputTable }),
        ],
      }),
    }),
  ],
})
