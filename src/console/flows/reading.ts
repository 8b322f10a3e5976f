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

const UPLINK = 0xffffffff

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

const WORD = /^(\w+)(?:\[(\d+)\.\.(\d+)\])?=(0x[0-9a-f]+)$/

/** An address that a register holds in four words of 32 bits, as one condition: `remote_address=10.0.0.5`. */
const joinAddress = (parts: readonly string[]): readonly string[] => {
  const words = new Map<string, Map<number, number>>()
  for (const part of parts) {
    // The lowest word bears the name of the whole register.
    const [, name, low = '0', high = '31', value] = WORD.exec(part) ?? []
    if (name === undefined || Number(high) - Number(low) !== 31) continue
    words.set(name, (words.get(name) ?? new Map()).set(Number(low) / 32, Number(value)))
  }
  const whole = [...words].filter(([, of]) => of.size === 4)
  if (whole.length === 0) return parts
  const address = (of: ReadonlyMap<number, number>): string => {
    const [d = 0, c = 0, b = 0, a = 0] = [0, 1, 2, 3].map(i => of.get(i))
    if (a === 0 && b === 0 && (c === 0 || c === 0xffff))
      return [24, 16, 8, 0].map(shift => (d >>> shift) & 255).join('.')
    return [a, b, c, d]
      .flatMap(word => [word >>> 16, word & 0xffff])
      .map(n => n.toString(16))
      .join(':')
      .replace(/(^|:)0(:0)+(:|$)/, '::')
  }
  const rest = parts.filter(part => !whole.some(([name]) => part.startsWith(`${name}[`) || part.startsWith(`${name}=`)))
  return [...rest, ...whole.map(([name, of]) => `${name}=${address(of)}`)]
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
    if (field === 'destination_port' && key === UPLINK) return say.uplink
    return kind && (names(kind, key) ?? `${say.kinds[kind]} ${key}`)
  }
  const subject: string[] = []
  const about: string[] = []
  for (const part of joinAddress(splitList(match))) {
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
