// What the controller says in English, in the operator's language.
import { dropWords } from '../text/drops.ts'
import { sentenceInChinese } from '../text/sentences.ts'
import { tableWords } from '../text/tables.ts'
import { live } from './live.svelte.ts'
import { settings } from './settings.svelte.ts'

const reason = (words: string): string => {
  const code = Object.entries(live.dropReasons).find(([, known]) => known === words)?.[0]
  return (code === undefined ? undefined : dropWords[code]) ?? words
}

/** A sentence of the tracer. */
export const inLanguage = (sentence: string): string =>
  settings.language === 'zh' ? sentenceInChinese(sentence, { reason }) : sentence

/** What a table does. */
export const describeTable = ({ name, description }: { readonly name: string; readonly description: string }): string =>
  (settings.language === 'zh' ? tableWords[name] : undefined) ?? description
