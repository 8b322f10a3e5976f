// Names of what we make on a host, after the field's habits.
import { createHash } from 'node:crypto'
import type { TunnelType } from '#model/chassis'

/** The key of `external_ids` that marks rows as ours; its value says what the row is. */
export const MARK = 'flowright'

/** The integration bridge: where VMs are plugged in. */
export const BR_INT = 'br-int'
/** The bridge with the VTEP. */
export const BR_TUN = 'br-tun'

/** The patch between br-int and br-tun. */
export const tunnelPatch = { inner: 'patch-tun', outer: 'patch-int' } as const

/** The tunnel port of an encapsulation. */
export const tunnelPort = (type: TunnelType): string => `fr-${type}`

// Names of interfaces have at most 15 characters in OpenFlow; longer bridge names are told apart by a hash.
const shorten = (name: string) =>
  name.length <= 15 ? name : `${name.slice(0, 9)}${createHash('sha256').update(name).digest('hex').slice(0, 6)}`

/** The patch between br-int and a provider bridge. */
export const providerPatch = (bridge: string): { readonly inner: string; readonly outer: string } => ({
  inner: shorten(`int-${bridge}`),
  outer: shorten(`phy-${bridge}`),
})

/** The patch between br-int and br-tun that stands for the chassis of a key. */
export const chassisPatch = (key: number): { readonly inner: string; readonly outer: string } => ({
  inner: `frgw-${key}`,
  outer: `frgt-${key}`,
})

/** The key of the chassis that a port on br-int stands for; undefined for other ports. */
export const keyOfPatch = (name: string): number | undefined => {
  const key = /^frgw-(\d+)$/.exec(name)?.[1]
  return key === undefined ? undefined : Number(key)
}

/** Whether a port's name looks like one that we give. */
export const isNameOfOurs = (name: string): boolean => /^(patch-(tun|int)$|fr-|frg[wt]-|int-|phy-)/.test(name)
