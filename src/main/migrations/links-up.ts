// Before gateways, nobody asked whether the links of provider bridges were up, nor was a chassis too full for one.
import type { Doc } from '#model'
import type { Migration } from '#store'

/** Takes the links of all provider bridges for up, until their chassis say otherwise. */
export const linksUp: Migration = {
  name: 'chassis say what keeps them from being gateways',
  run: docs => ({
    ...docs,
    chassis: (docs.chassis ?? []).map((c): Doc => ({ ...c, providerDown: [], crowded: false }) as Doc),
  }),
}
