// A flow in words: what it is about, and what becomes of it. Made for the rows on the screen, from the text that the
// controller prints, in the language of the operator.

import type { Language } from '../text/messages.ts'
import { phrases } from '../text/phrases.ts'
import type { Row } from './columns.ts'

/** Whom keys of the data plane stand for. */
export type Names = (kind: 'network' | 'port' | 'chassis', key: number) => string | undefined

/** Registers that hold a key, and the kind of record that it stands for. */
const keyed: Readonly<Record<string, 'network' | 'port' | 'chassis'>> = {
  network: 'network',
  source_port: 'port',
  destination_port: 'port',
  destination_chassis: 'chassis',
  judged_port: 'port',
  label_port: 'port',
  router_interface: 'port',
}

/** Splits at commas that stand in no brackets. */
export const splitList = (text: string): readonly string[] => {
  const parts: string[] = []
  let depth = 0
  let start = 0
  for (let i = 0; i < text.length; i++) {
    const c = text[i]
    if (c === '(' || c === '[') depth++
    else if (c === ')' || c === ']') depth--
    else if (c === ',' && depth === 0) {
      parts.push(text.slice(start, i))
      start = i + 1
    }
  }
  if (start < text.length) parts.push(text.slice(start))
  return parts
}

/** A flow in words. */
export const readFlow = (
  { match, actions, reason, priority }: Pick<Row, 'match' | 'actions' | 'reason' | 'priority'>,
  names: Names,
  why: (reason: string) => string,
  language: Language,
): string => {
  const say = phrases[language]
  const nameOf = (field: string, value: string) => {
    const kind = keyed[field]
    const key = Number(value)
    if (field === 'destination_port' && value === 'uplink') return say.uplink
    return kind && (names(kind, key) ?? `${say.kinds[kind]} ${key}`)
  }
  const subject: string[] = []
  const about: string[] = []
  for (const part of splitList(match)) {
    const at = part.indexOf('=')
    if (at < 0) {
      subject.push(say.protocols[part] ?? part)
      continue
    }
    const [field, value] = [part.slice(0, at), part.slice(at + 1)]
    about.push(say.condition(field, value, nameOf(field, value)))
  }
  const what = [
    subject.join(' ') || (match === '' && priority === 0 ? say.rest : say.anything),
    ...about.filter(text => text !== ''),
  ].join(say.comma)
  const becomes = reason === '' ? readActions(actions, say, nameOf) : `${say.drop}${say.colon}${why(reason)}`
  return `${what}${say.leads}${becomes}`
}

type Phrases = (typeof phrases)[Language]

const readActions = (
  actions: string,
  say: Phrases,
  nameOf: (field: string, value: string) => string | undefined,
): string => {
  if (actions === 'drop' || actions === '') return say.nothing
  const said: string[] = []
  let rewritten = 0
  for (const action of splitList(actions)) {
    const set = /^set_field:(.+)->([\w[\].]+)$/.exec(action)
    if (set) {
      const [, value = '', field = ''] = set
      const name = nameOf(field, value)
      const text = say.set(field, value, name)
      if (text === undefined) rewritten++
      else if (text !== '') said.push(text)
    } else if (action.startsWith('move:')) {
      if (/->(NXM|OXM)_/.test(action)) rewritten++
    } else if (action.startsWith('load:')) rewritten++
    else {
      const text = say.action(action)
      if (text !== '') said.push(text)
    }
  }
  if (rewritten > 0 && actions.includes('IN_PORT')) said.unshift(say.rewrite)
  return said.join(say.comma) || say.nothing
}
