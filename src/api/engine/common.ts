// The attributes that every resource has: id, project, description, tags, times, revision.
import { type Doc, isGranted, standardOf } from '#model'
import { attributesOf, type View } from './resource.ts'
import { count, list, text, time, uuid } from './value.ts'

const standard = (doc: Doc, { reader }: View) => standardOf(reader, doc.id)

/** A time in Neutron's form. */
export const formatTime = (milliseconds: number): string => `${new Date(milliseconds).toISOString().slice(0, 19)}Z`

/** The longest tag, in characters. */
export const tag = text(255)

/** `id`, alone. */
export const identified = attributesOf<Doc>()({ id: { type: uuid, show: doc => doc.id } })

/** `project_id` and its old name. */
export const owned = attributesOf<Doc & { readonly projectId: string }>()({
  project_id: { type: text(), show: doc => doc.projectId, index: 'project' },
  tenant_id: { type: text(), show: doc => doc.projectId, index: 'project' },
})

/** Whether the project of the one who asks, or every project, may see and use an object of this id. */
export const isShared = (id: string, { reader, context }: View): boolean =>
  isGranted(reader, 'access_as_shared', id, context.projectId)

/** `description`, alone, of at most so many characters. */
export const describedIn = (maxLength?: number) =>
  attributesOf<Doc>()({
    description: {
      type: text(maxLength),
      post: { default: '' },
      put: true,
      show: (doc, view) => standard(doc, view)?.description ?? '',
    },
  })

/** What Neutron keeps of every resource. */
export const standardAttributes = attributesOf<Doc>()({
  ...describedIn(),
  tags: { type: list(tag), show: (doc, view) => standard(doc, view)?.tags ?? [] },
  created_at: { type: time, show: (doc, view) => formatTime(standard(doc, view)?.createdAt ?? 0) },
  updated_at: { type: time, show: (doc, view) => formatTime(standard(doc, view)?.updatedAt ?? 0) },
  revision_number: { type: count, show: (doc, view) => standard(doc, view)?.revision ?? 0 },
})
