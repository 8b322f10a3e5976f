// What is shared is what RBAC policies say. What older data files mark as shared or external gets the policy for everybody.
import { type Doc, derivedId } from '#model'
import type { Docs, Migration } from '#store'

type OldObject = Doc & { readonly projectId: string; readonly shared?: boolean; readonly external?: boolean }

/** The types of objects by the kinds of their records. */
const types = { network: 'network', subnet_pool: 'subnetpool', address_scope: 'address_scope' } as const

/** Makes policies of marks. */
export const sharedByPolicies: Migration = {
  name: 'policies say what is shared',
  run(docs) {
    const policies = new Map((docs.rbac_policy ?? []).map(p => [p.id, p]))
    const upgraded: Record<string, readonly Doc[]> = {}
    for (const [kind, objectType] of Object.entries(types)) {
      upgraded[kind] = ((docs[kind] ?? []) as readonly OldObject[]).map(({ shared, ...object }) => {
        const { id: objectId, projectId, external } = object
        const marks = { access_as_shared: shared, access_as_external: shared === undefined ? undefined : external }
        for (const [action, isMarked] of Object.entries(marks)) {
          if (!isMarked) continue
          const id = derivedId('rbac_policy', action, objectId, '0')
          policies.set(id, { ...{ id, projectId, objectType, objectId, action }, targetProject: '*' } as Doc)
        }
        return object
      })
    }
    return { ...docs, ...upgraded, rbac_policy: [...policies.values()] } satisfies Docs
  },
}
