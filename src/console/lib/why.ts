// Why a flow drops, in the operator's language.
import { dropWords } from '../text/drops.ts'
import { live } from './live.svelte.ts'
import { settings } from './settings.svelte.ts'

/** A reason in words; the controller's own where the language has none. */
export const whyDropped = (reason: string): string =>
  (settings.language === 'zh' ? dropWords[reason] : undefined) ?? live.dropReasons[reason] ?? reason
