// Rules that several tables of gateways have in common: which records they are about, and what of these a row has. A table
// says what its flow makes of it.
import { each, type FlowSpec, type Placed } from '#compiler'
import { type Chassis, chassis, chassisPort, floatingIps, routerPorts } from '#model'
import { type FloatingRow, floatingAtGateway, floatingHere, upGateway } from './gateways.ts'

/** A rule for the chassis that may be gateways: each one's own port, where `gateway` holds it when it is the gateway. */
export const eachGatewayChassis = (flow: (row: { readonly here: number }) => FlowSpec) =>
  each(chassis, {
    scope: 'chassis',
    rows: ({ id, key, gatewayPriority }: Chassis) => (gatewayPriority > 0 ? [{ in: id, here: chassisPort(key) }] : []),
    example: { in: 'host1', here: chassisPort(1) },
    flow,
  })

/** A rule for the addresses that routers translate to. */
export const eachSnatAddress = (flow: (row: { readonly router: number; readonly ip: string }) => FlowSpec) =>
  each(routerPorts, {
    scope: 'router',
    rows: (port, view) =>
      upGateway(port, view).flatMap(({ in: of, router, snat }) =>
        snat === undefined ? [] : [{ in: of, router, ip: snat }],
      ),
    example: { in: 'r', router: 2, ip: '203.0.113.2' },
    flow,
  })

/**
 * Rules that are the same wherever a floating IP is translated: on the gateway they are in the flow set of its router, on the
 * chassis of its port in that of the chassis.
 */
export const eachFloatingIp = <Row extends Placed>({
  rows,
  example,
  flow,
}: {
  readonly rows: (facts: FloatingRow) => readonly Row[]
  readonly example: Row
  readonly flow: (row: Row) => FlowSpec
}) => [
  each(floatingIps, {
    ...{ scope: 'router', example, flow },
    rows: (floatingIp, view) => floatingAtGateway(floatingIp, view).flatMap(rows),
  }),
  each(floatingIps, {
    ...{ scope: 'chassis', example, flow },
    rows: (floatingIp, view) => floatingHere(floatingIp, view).flatMap(rows),
  }),
]
