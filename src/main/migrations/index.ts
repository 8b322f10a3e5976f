// What has become of the records since the first data files: every step there ever was, oldest first. A step never
// changes once it is released, so it writes records of its day and calls no rules of the model.
import type { Doc } from '#model'
import type { Migration } from '#store'
import { linksUp } from './links-up.ts'
import { membersOnly } from './members-only.ts'
import { openBeforeUpgrade, unfiltered } from './open-before-upgrade.ts'
import { rulePlaces } from './rule-places.ts'
import { sharedByPolicies } from './shared-by-policies.ts'

/** All of them. */
export const migrations: readonly Migration[] = [openBeforeUpgrade, sharedByPolicies, membersOnly, linksUp, rulePlaces]

/** Today's record for one of an older data file that meant the same, by kind: for comparing flows, never for keeping. */
export const sameToday: Readonly<Record<string, (doc: Doc) => Doc>> = { port: unfiltered }
