// What the tables of br-tun need to know of other chassis: how they are reached, and whether they are gateways.
import { derive } from '#compiler'
import { type Chassis, chassis, isProgrammed, type TunnelType } from '#model'

/** Encapsulations, the one that is preferred for what belongs to no network first. */
const PREFERENCE: readonly TunnelType[] = ['vxlan', 'geneve', 'gre']

/** The kind of tunnel to chassis that offer these; undefined where there is none that all offer. */
export const commonType = (...offers: readonly (readonly TunnelType[])[]): TunnelType | undefined =>
  PREFERENCE.find(type => offers.every(types => types.includes(type)))

/** A chassis that others reach; undefined while none does. */
export const peerFacts = derive('peer', chassis, (c: Chassis) => {
  const type = commonType(c.tunnelTypes)
  return !isProgrammed(c) || c.tunnelIp === '' || type === undefined
    ? undefined
    : { key: c.key, vtep: c.tunnelIp, type, types: c.tunnelTypes, isGateway: c.gatewayPriority > 0 }
})

/** Whether a chassis watches all others and takes what they send to its gateways. */
export const isGatewayChassis = (c: Chassis): boolean => isProgrammed(c) && c.gatewayPriority > 0
