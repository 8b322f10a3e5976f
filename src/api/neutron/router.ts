// Routers, as Neutron shows them: gateway, extra routes, and the verbs that connect networks.
import { randomUUID } from 'node:crypto'
import {
  connectPort,
  connectSubnet,
  createRouter,
  deleteRouter,
  disconnectPort,
  disconnectSubnet,
  type ExtraRoute,
  type GatewayRequest,
  gatewayOf,
  type InterfaceChange,
  parseIp,
  type Reader,
  type Router,
  refuse,
  routers,
  routesWith,
  routesWithout,
  type Subnet,
  type Transaction,
  updateRouter,
} from '#model'
import { find, show } from '../engine/collection.ts'
import { identified, owned, standardAttributes } from '../engine/common.ts'
import type { Context } from '../engine/context.ts'
import { invalid, missing, quote, read } from '../engine/read.ts'
import { attributesOf, type Resource, recordsOf, resource } from '../engine/resource.ts'
import { cidr, distinct, flag, ip, list, nullable, object, optional, type Static, text, uuid } from '../engine/value.ts'
import { knownZones, usableNetwork } from './network.ts'
import { portResource } from './port.ts'
import { subnetResource } from './subnet.ts'

const gateway = nullable(
  object({
    network_id: optional(uuid),
    enable_snat: optional(flag),
    external_fixed_ips: optional(list(object({ subnet_id: optional(uuid), ip_address: optional(ip) }), 100)),
  }),
)

const routes = distinct(object({ destination: cidr, nexthop: ip }), 1000)

function showGateway(router: Router, reader: Reader) {
  const port = gatewayOf(reader, router.id)
  return port
    ? {
        network_id: port.networkId,
        enable_snat: router.enableSnat,
        external_fixed_ips: port.fixedIps.map(f => ({ subnet_id: f.subnetId, ip_address: f.ipAddress })),
      }
    : null
}

const attributes = attributesOf<Router>()({
  ...identified,
  ...owned,
  ...standardAttributes,
  name: { type: text(), post: { default: '' }, put: true, show: r => r.name },
  status: { type: text(), show: () => 'ACTIVE' },
  admin_state_up: { type: flag, post: { default: true }, put: true, show: r => r.adminStateUp },
  external_gateway_info: {
    type: gateway,
    post: { default: null },
    put: true,
    show: (r, { reader }) => showGateway(r, reader),
  },
  routes: { type: routes, put: true, show: r => r.routes },
  distributed: {
    type: nullable(flag),
    post: 'optional',
    put: true,
    admin: ['read', 'write'],
    show: r => r.distributed,
  },
  ha: { type: nullable(flag), post: 'optional', put: true, admin: ['read', 'write'], show: r => r.ha },
  availability_zone_hints: { type: list(text(), 10), post: { default: [] }, show: r => r.availabilityZoneHints },
  availability_zones: { type: list(text()), show: () => [] },
})

/** The gateway that a body asks for; only administrators choose its addresses, and whether it translates. */
function gatewayRequest(
  tx: Reader,
  verb: 'create' | 'update',
  given: Static<typeof gateway>,
  context: Context,
): GatewayRequest | null {
  if (given === null || Object.keys(given).length === 0) return null
  const { network_id: networkId, enable_snat: enableSnat, external_fixed_ips: fixedIps } = given
  if (networkId === undefined) throw invalid('external_gateway_info', "required key 'network_id' is missing")
  const reserved = Object.keys(given).find(name => name !== 'network_id')
  if (reserved && !context.isAdmin)
    throw refuse('PolicyNotAuthorized', { action: `(rule:${verb}_router:external_gateway_info:${reserved})` })
  return {
    networkId: usableNetwork(tx, networkId, context).id,
    enableSnat,
    fixedIps: fixedIps?.map(f => ({ subnetId: f.subnet_id, ipAddress: f.ip_address })),
    portId: randomUUID(),
  }
}

const badRouter = (message: string) => refuse('BadRequest', { resource: 'router', message })

/** What a body of add_router_interface or remove_router_interface names. */
function named(body: unknown): { readonly portId: string | undefined; readonly subnetId: string | undefined } {
  const { port_id, subnet_id } = (body ?? {}) as Readonly<Record<string, unknown>>
  if (port_id === undefined && subnet_id === undefined) throw badRouter('Either subnet_id or port_id must be specified')
  for (const id of [port_id, subnet_id])
    if (id !== undefined && (typeof id !== 'string' || !/^[0-9a-f-]{32,36}$/i.test(id)))
      throw badRouter(`'${quote(id)}' is not a valid UUID`)
  return { portId: port_id as string | undefined, subnetId: subnet_id as string | undefined }
}

/** A project connects its own subnets, and addresses that it was given of others. */
function requireOwnSubnet(subnet: Subnet, context: Context): void {
  if (context.isAdmin || subnet.projectId === context.projectId) return
  throw badRouter(
    `Cannot add interface to router because subnet ${subnet.id} is not owned by project making the request`,
  )
}

/** An address outside the pools was chosen: not by one who owns neither router nor subnet. */
function requireGivenAddresses({ port, subnets }: InterfaceChange, context: Context): void {
  if (context.isAdmin) return
  for (const subnet of subnets) {
    const isGiven = (address: string) =>
      subnet.allocationPools.some(({ start, end }) => {
        const value = parseIp(address)!.value
        return parseIp(start)!.value <= value && value <= parseIp(end)!.value
      })
    const isChosen = port.fixedIps.some(f => f.subnetId === subnet.id && !isGiven(f.ipAddress))
    if (isChosen && subnet.projectId !== context.projectId)
      throw badRouter(
        `Cannot add interface to router because specified port ${port.id} has an IP address out of the allocation pool of subnet ${subnet.id}, which is not owned by the project making the request`,
      )
  }
}

const interfaceInfo = (router: Router, { port, subnets }: InterfaceChange) => ({
  id: router.id,
  project_id: port.projectId,
  tenant_id: port.projectId,
  port_id: port.id,
  network_id: port.networkId,
  subnet_id: subnets.at(-1)!.id,
  subnet_ids: subnets.map(subnet => subnet.id),
})

function addInterface(tx: Transaction, router: Router, body: unknown, context: Context) {
  const { portId, subnetId } = named(body)
  if (portId !== undefined && subnetId !== undefined) throw badRouter('Cannot specify both subnet-id and port-id')
  const view = { reader: tx, context }
  if (subnetId !== undefined) {
    requireOwnSubnet(find(subnetResource, subnetId, view) as Subnet, context)
    return interfaceInfo(router, connectSubnet(tx, router, subnetId, randomUUID()))
  }
  const added = connectPort(tx, router, find(portResource, portId!, view).id)
  requireGivenAddresses(added, context)
  return interfaceInfo(router, added)
}

function removeInterface(tx: Transaction, router: Router, body: unknown) {
  const { portId, subnetId } = named(body)
  return interfaceInfo(
    router,
    portId === undefined ? disconnectSubnet(tx, router, subnetId!) : disconnectPort(tx, router, portId, subnetId),
  )
}

const changeRoutes =
  (combine: (old: readonly ExtraRoute[], given: readonly ExtraRoute[]) => ExtraRoute[]) =>
  (tx: Transaction, router: Router, body: unknown, context: Context) => {
    const given = (body as { router?: { routes?: unknown } } | null)?.router?.routes
    if (given === undefined) throw missing('routes')
    const after = updateRouter(tx, router, { routes: combine(router.routes, read(routes, given, 'routes')) })
    return { router: show(routerResource, after, { reader: tx, context }) }
  }

/** The resource `router`. */
export const routerResource: Resource = resource<Router, typeof attributes>({
  name: 'router',
  plural: 'routers',
  attributes,
  source: recordsOf(routers),
  absent: 'RouterNotFound',
  quotas: ['router'],
  standard: true,
  create: (tx, body, id, context) =>
    createRouter(tx, {
      id,
      projectId: body.project_id,
      name: body.name,
      description: body.description,
      adminStateUp: body.admin_state_up,
      distributed: body.distributed ?? true,
      ha: body.ha ?? true,
      availabilityZoneHints: knownZones(body.availability_zone_hints),
      gateway: gatewayRequest(tx, 'create', body.external_gateway_info, context),
    }),
  update: (tx, router, body, context) =>
    updateRouter(tx, router, {
      name: body.name,
      description: body.description,
      adminStateUp: body.admin_state_up,
      distributed: body.distributed ?? undefined,
      ha: body.ha ?? undefined,
      routes: body.routes,
      gateway:
        body.external_gateway_info === undefined
          ? undefined
          : gatewayRequest(tx, 'update', body.external_gateway_info, context),
    }),
  remove: deleteRouter,
  actions: {
    add_router_interface: addInterface,
    remove_router_interface: removeInterface,
    add_extraroutes: changeRoutes(routesWith),
    remove_extraroutes: changeRoutes(routesWithout),
  },
})
