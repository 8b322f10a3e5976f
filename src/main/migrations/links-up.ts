// Before gateways, nobody asked whether the links of provider bridges were up.
import type { Doc } from '#model'
import type { Migration } from '#store'

/** Takes the links of all provider bridges for up, until their chassis say otherwise. */
export const linksUp: Migration = {
  name: 'chassis say which physical networks are down',
  run: docs => ({ ...docs, chassis: (docs.chassis ?? []).map((c): Doc => ({ ...c, providerDown: [] }) as Doc) }),
}
