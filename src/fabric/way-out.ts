// How a frame of ours leaves a chassis on a physical network: past the flow tables, by the patch port of its provider bridge.
import { attachments, chassis, networks, segmentAt } from '#model'
import type { Store } from '#store'

/** A patch port to a provider bridge, and the network's VLAN there. */
export interface WayOut {
  /** OpenFlow port of br-int. */
  readonly port: number
  /** 0: untagged. */
  readonly vlan: number
  readonly physicalNetwork: string
  /** Key of the chassis. */
  readonly chassisKey: number
}

/** The way by which a network that is attached to a chassis leaves it; undefined where it has none but tunnels. */
export const wayOut = (
  store: Pick<Store, 'get'>,
  { chassis: id, network: networkId }: { readonly chassis: string; readonly network: string },
): WayOut | undefined => {
  const [at, network] = [store.get(chassis, id), store.get(networks, networkId)]
  if (!at || !network || !store.get(attachments, `${id}/${networkId}`)) return undefined
  const { physicalNetwork, segmentationId: vlan = 0 } = segmentAt(network.segments, at) ?? {}
  const port = physicalNetwork === undefined ? undefined : at.providerPorts[physicalNetwork]
  return physicalNetwork === undefined || port === undefined
    ? undefined
    : { port, vlan, physicalNetwork, chassisKey: at.key }
}

/** A frame with a VLAN tag; as it is for VLAN 0. */
export const withTag = (frame: Buffer, vlan: number): Buffer =>
  vlan === 0
    ? frame
    : Buffer.concat([frame.subarray(0, 12), Buffer.from([0x81, 0, vlan >> 8, vlan & 255]), frame.subarray(12)])
