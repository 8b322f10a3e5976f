// Before there were routers, a network reached only the chassis where it had ports.
import type { Doc } from '#model'
import type { Migration } from '#store'

/** Marks all attachments as those of members. */
export const membersOnly: Migration = {
  name: 'attachments say whether the chassis has members',
  run: docs => ({ ...docs, attachment: (docs.attachment ?? []).map((a): Doc => ({ ...a, isMember: true }) as Doc) }),
}
