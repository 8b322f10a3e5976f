// Before firewalls had flows, the rules of a policy had an order and no places.
import type { Doc } from '#model'
import type { Migration } from '#store'

/** Gives the rules of firewall policies places that fall in order, far apart. */
export const rulePlaces: Migration = {
  name: 'rules of firewall policies have places',
  run: docs => ({
    ...docs,
    firewall_policy: (docs.firewall_policy ?? []).map((policy): Doc => {
      const { rules } = policy as Doc & { readonly rules: readonly string[] }
      const step = Math.floor(60_000 / (rules.length + 1))
      return { ...policy, places: rules.map((_, i) => (rules.length - i) * step) } as Doc
    }),
  }),
}
