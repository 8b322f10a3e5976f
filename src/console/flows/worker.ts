// Keeps the flows of one chassis apart from the page, so that reading, filtering and sorting never hold it up: has a
// connection to the feed of its own, and gives the page only the rows on its screen.
import type { FeedMessage, FeedRequest } from '#api/feed-messages'
import type { TableView } from '#api/live-view'
import { type Connection, connect } from '../lib/connection.ts'
import { FlowColumns, type Order } from './columns.ts'
import { type Filter, parseFilter } from './filter.ts'
import type { FromWorker, ToWorker } from './worker-messages.ts'

const WATCH = 1
/** Messages of rows on their way at most: what the page asks for waits behind those that are here already. */
const AHEAD = 4
/** How often (ms) the page is told at most, and how often while rows are still coming. */
const PACE = 100
const LOADING_PACE = 400
/** How long (ms) the same tables are on the screen before they are counted. */
const SETTLED = 150

const columns = new FlowColumns()
let tables: readonly TableView[] = []
let connection: Connection | undefined
let chassis = ''
let total = 0
let loaded = 0
let filter: Filter = parseFilter('')
let text = ''
let order: Order = 'table'
let look = { first: 0, count: 50, open: undefined as number | undefined }
let selected: Uint32Array = new Uint32Array()
let took = 0
let every = 0
let isStale = true
let counted = ''
let isTelling = false
let toldAt = 0
let counting = 0
/** Messages of rows that are answered once the page has shown the first: loading them all would hold it up. */
let held = 0
let isPainted = false

const tell = (message: FromWorker) => postMessage(message)

const show = () => {
  if (isStale) {
    const begun = performance.now()
    selected = columns.select(filter, order, tables, Date.now())
    took = performance.now() - begun
    isStale = false
  }
  const rows = Array.from(selected.subarray(look.first, look.first + look.count), i => columns.row(i))
  const open = look.open === undefined ? undefined : columns.find(look.open)
  tell({
    ...{ type: 'view', total, loaded, shown: selected.length, took, first: look.first, rows, open, every, text, order },
  })
  count(rows.map(row => row.table))
}

const showSoon = () => {
  if (isTelling) return
  isTelling = true
  // The first rows at once; while the others come, sorting them again and again would hold them up.
  const pause = loaded === 0 || toldAt === 0 ? 0 : loaded < total ? LOADING_PACE : PACE
  setTimeout(() => {
    isTelling = false
    toldAt = performance.now()
    show()
  }, pause)
}

/** Asks for counters of what is looked at: the tables on the screen, or all that the filter must judge by. */
const count = (onScreen: readonly number[]) => {
  const isByCounters = filter.needsCounters || order !== 'table'
  const named = filter.terms.find(term => term.type === 'table' && !term.isNegated)
  const judged =
    named?.type === 'table'
      ? tables.flatMap(({ name, number }, i) => (named.names.some(n => n === name || n === String(number)) ? [i] : []))
      : 'all'
  const wanted = isByCounters ? judged : [...new Set(onScreen)].sort((a, b) => a - b)
  const key = JSON.stringify(wanted)
  if (key === counted) return
  clearTimeout(counting)
  counting = setTimeout(() => {
    counted = key
    connection?.send({ type: 'count', watch: WATCH, tables: wanted })
  }, SETTLED) as unknown as number
}

const taken = () => connection?.send({ type: 'taken', watch: WATCH })

const take = (message: FeedMessage) => {
  if (message.type === 'hello') {
    tables = message.tables
    // What was known may have changed while nobody told: all comes anew.
    columns.clear()
    total = loaded = held = 0
    counted = ''
    tell({ type: 'tables', tables })
  } else if (message.type === 'keys') tell({ type: 'keys', keys: message.keys })
  else if (message.type === 'flows') {
    columns.remove(message.removed)
    columns.add(message.added)
    // Counters of rows that had not come were of no use: all are told again when the last one has.
    if (loaded < total && columns.size >= message.total) counted = ''
    total = message.total
    loaded = columns.size
    isStale = true
    showSoon()
    if (message.added.length === 0) return
    if (isPainted) taken()
    else held++
  } else if (message.type === 'counters') {
    columns.count(message.tables, message.at, message.elapsed, message.rows)
    every = message.elapsed
    if (filter.needsCounters || order !== 'table') isStale = true
    showSoon()
  } else if (message.type === 'trouble') tell({ type: 'trouble', message: message.message })
}

addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
  if (data.type === 'start') {
    chassis = data.chassis
    connection?.close()
    connection = connect(data.origin, data.token, {
      message: take,
      state: state => tell({ type: 'connection', state }),
      // Only this chassis is of interest here: no commit is asked for.
      opening: (): readonly FeedRequest[] => [
        { type: 'resume', revision: Number.MAX_SAFE_INTEGER },
        { type: 'flows', watch: WATCH, chassis, ahead: AHEAD },
      ],
    })
  } else if (data.type === 'filter') {
    text = data.text
    order = data.order
    filter = parseFilter(text)
    isStale = true
    show()
  } else if (data.type === 'painted') {
    isPainted = true
    for (; held > 0; held--) taken()
  } else {
    look = data
    show()
  }
})
