// The filter language of the flow tables: `table:l2_lookup port:web1 rate>0 drop`. Words are looked for in the text;
// the rest asks for what is kept in columns, and is judged first, being cheaper.

/** One thing asked for. */
export type Term = { readonly isNegated: boolean } & (
  | { readonly type: 'text'; readonly text: string }
  /** Names of tables, or their numbers. */
  | { readonly type: 'table'; readonly names: readonly string[] }
  | { readonly type: 'bridge'; readonly name: string }
  | { readonly type: 'cookie'; readonly prefix: string }
  /** A record that asked for the flow: its kind ('' for any), and its name or id. */
  | { readonly type: 'resource'; readonly kind: string; readonly name: string }
  | { readonly type: 'number'; readonly column: NumberColumn; readonly compare: Compare; readonly value: number }
  | { readonly type: 'hit'; readonly when: 'never' | 'ever' }
  | { readonly type: 'drop' }
)

/** Columns that numbers are compared with. `hit`: seconds since the last packet. */
export type NumberColumn = 'rate' | 'packets' | 'bytes' | 'priority' | 'hit'

/** How. */
export type Compare = '>' | '>=' | '<' | '<=' | '='

/** A filter: all terms must hold. */
export interface Filter {
  readonly terms: readonly Term[]
  /** Whether it looks at what switches count. */
  readonly needsCounters: boolean
}

const kinds: Readonly<Record<string, string>> = {
  ...{ resource: '', network: 'network', subnet: 'subnet', port: 'port', chassis: 'chassis', router: 'router' },
  ...{ binding: 'binding', attachment: 'attachment', group: 'security_group', rule: 'security_group_rule' },
  ...{ security_group: 'security_group', security_group_rule: 'security_group_rule', policy: 'policy' },
  ...{ floating_ip: 'floating_ip', router_port: 'router_port' },
}

/** Seconds within which a flow was hit lately. */
export const LATELY = 60
const NUMBER = /^(rate|packets|bytes|priority|hit)(>=|<=|>|<|=)(\d+(?:\.\d+)?)(s|m|min|h|k|M)?$/
const factors: Readonly<Record<string, number>> = { s: 1, m: 60, min: 60, h: 3600, k: 1000, M: 1e6 }

const termOf = (word: string): Term => {
  const isNegated = word.length > 1 && word.startsWith('-')
  const rest = isNegated ? word.slice(1) : word
  const number = NUMBER.exec(rest)
  if (number) {
    const [, column, compare, digits, unit] = number
    const value = Number(digits) * (unit === undefined ? 1 : factors[unit]!)
    return { isNegated, type: 'number', column: column as NumberColumn, compare: compare as Compare, value }
  }
  if (rest === 'drop') return { isNegated, type: 'drop' }
  const colon = rest.indexOf(':')
  const key = colon > 0 ? rest.slice(0, colon) : ''
  const value = rest.slice(colon + 1)
  if (value !== '') {
    if (key === 'table') return { isNegated, type: 'table', names: value.split(',').filter(name => name !== '') }
    if (key === 'bridge') return { isNegated, type: 'bridge', name: value }
    if (key === 'cookie') return { isNegated, type: 'cookie', prefix: value.toLowerCase().replace(/^0x/, '') }
    if (key === 'hit' && value === 'never') return { isNegated, type: 'hit', when: 'never' }
    if (key === 'hit' && value === 'lately')
      return { isNegated, type: 'number', column: 'hit', compare: '<=', value: LATELY }
    if (key === 'hit' && value === 'ever') return { isNegated, type: 'hit', when: 'ever' }
    const kind = kinds[key]
    if (kind !== undefined) return { isNegated, type: 'resource', kind, name: value.toLowerCase() }
  }
  return { isNegated, type: 'text', text: rest.toLowerCase() }
}

/** Reads a filter. Every text is one: what is no term is looked for as it stands. Quotes keep spaces together. */
export const parseFilter = (text: string): Filter => {
  const words = text.match(/-?[\w-]*:?"[^"]*"?|\S+/g) ?? []
  const terms = words
    .map(word => word.replaceAll('"', ''))
    .filter(word => word !== '' && word !== '-')
    .map(termOf)
  const needsCounters = terms.some(
    term => term.type === 'hit' || (term.type === 'number' && term.column !== 'priority'),
  )
  return { terms, needsCounters }
}

/** Puts a term into a filter's text, or takes it out when it is there. */
export const toggleTerm = (text: string, term: string): string => {
  const words = text.split(/\s+/).filter(word => word !== '')
  return words.includes(term) ? words.filter(word => word !== term).join(' ') : [...words, term].join(' ')
}
