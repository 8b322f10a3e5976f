// Every text of the console, in every language. A language that lacks one does not compile.
import { en } from './en.ts'
import { zh } from './zh.ts'

/** Languages that there are. */
export type Language = 'en' | 'zh'

/** What can be said. */
export type MessageKey = keyof typeof en

/** All texts. */
export const messages: Readonly<Record<Language, Readonly<Record<MessageKey, string>>>> = { en, zh }
