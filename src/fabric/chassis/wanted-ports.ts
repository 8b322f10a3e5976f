// What a host shall have, and the ports that follow from it: patches between its bridges, tunnel ports, and the ports by
// which gateways are chosen.
import type { TunnelType } from '#model/chassis'
import { chassisPort, PATCH_INT, PATCH_TUN, TUNNEL_PORTS } from '#model/ofports'
import { BR_INT, BR_TUN, chassisPatch, providerPatch, tunnelPatch, tunnelPort } from './names.ts'

/** What a host shall have. */
export interface WantedBridges {
  /** 16 hex digits each. */
  readonly datapathIds: { readonly 'br-int': string; readonly 'br-tun': string }
  /** `datapath_type` of both; '' is the default. */
  readonly datapathType: string
  /** Where the switch finds us, e.g. `tcp:192.0.2.100:6653`. */
  readonly controller: string
  /** The VTEP address; '' for no tunnel port. */
  readonly localIp: string
  readonly tunnelTypes: readonly TunnelType[]
  /** Physical network -> bridge, of the bridges that are there. */
  readonly providers: ReadonlyMap<string, string>
  /** Physical network -> VLANs that may cross its patch; 0 stands for untagged frames. */
  readonly trunks: ReadonlyMap<string, readonly number[]>
  /** Keys of the chassis with which it runs BFD. */
  readonly watched: readonly number[]
  /** Its own key, if it is to be a gateway. */
  readonly ownKey: number | undefined
}

/** A port that a host shall have. */
export interface WantedPort {
  readonly bridge: string
  readonly name: string
  readonly type: 'patch' | TunnelType
  readonly options: Readonly<Record<string, string>>
  readonly ofport?: number
  readonly trunks?: readonly number[]
  /** BFD settings (ovs-vswitchd.conf.db(5)); none: there shall be no BFD; undefined: not ours to say. */
  readonly bfd?: Readonly<Record<string, string>>
}

/** A chassis is dead after three times 100 ms. */
const BFD = { enable: 'true', min_rx: '100', min_tx: '100' }

// An empty set of trunks lets every VLAN pass, so that no VLAN is written as the reserved one.
const NO_VLAN = [4095]

/** The ports that follow from what a host shall have. */
export const wantedPorts = (wanted: WantedBridges): WantedPort[] => {
  const patch = (bridge: string, name: string, peer: string) =>
    ({ bridge, name, type: 'patch', options: { peer } }) as const
  /** The port by which gateways are chosen: alive while the chassis that it stands for is. The own one always is. */
  const stand = (key: number, bfd: Readonly<Record<string, string>>) => {
    const { inner, outer } = chassisPatch(key)
    const ofport = chassisPort(key)
    return [
      { ...patch(BR_INT, inner, outer), ofport, bfd },
      { ...patch(BR_TUN, outer, inner), ofport },
    ]
  }
  return [
    { ...patch(BR_INT, tunnelPatch.inner, tunnelPatch.outer), ofport: PATCH_TUN },
    { ...patch(BR_TUN, tunnelPatch.outer, tunnelPatch.inner), ofport: PATCH_INT },
    ...(wanted.localIp === '' ? [] : wanted.tunnelTypes).map(type => ({
      bridge: BR_TUN,
      name: tunnelPort(type),
      type,
      options: { remote_ip: 'flow', key: 'flow', local_ip: wanted.localIp },
      ofport: TUNNEL_PORTS[type],
    })),
    ...wanted.watched.flatMap(key => stand(key, BFD)),
    ...(wanted.ownKey === undefined ? [] : stand(wanted.ownKey, {})),
    ...[...wanted.providers].flatMap(([physicalNetwork, bridge]) => {
      const { inner, outer } = providerPatch(bridge)
      const vlans = wanted.trunks.get(physicalNetwork) ?? []
      return [
        patch(BR_INT, inner, outer),
        { ...patch(bridge, outer, inner), trunks: vlans.length > 0 ? vlans : NO_VLAN },
      ]
    }),
  ]
}
