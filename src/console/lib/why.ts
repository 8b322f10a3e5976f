// Why a flow drops: in the operator's language, and where a packet that it drops is traced.
import type { FeedResource } from '#api/feed-messages'
import { dropWords } from '../text/drops.ts'
import { live } from './live.svelte.ts'
import { href } from './route.svelte.ts'
import { settings } from './settings.svelte.ts'

/** A reason in words; the controller's own where the language has none. */
export const whyDropped = (reason: string): string =>
  (settings.language === 'zh' ? dropWords[reason] : undefined) ?? live.dropReasons[reason] ?? reason

/** The place of the trace of a packet that a flow drops; `suspects` are the ports that most likely send such. */
export const whyPlace = (chassis: string, cookie: string, suspects: readonly FeedResource[] = []): string =>
  href(['trace'], { chassis, why: `0x${cookie}`, suspects: suspects.map(([, id]) => id).join(' ') })
