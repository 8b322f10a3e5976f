// What the page and the worker that keeps its flows say to each other.
import type { FeedResource } from '#api/feed-messages'
import type { TableView } from '#api/live-view'
import type { ConnectionState } from '../lib/connection.ts'
import type { Order, Row } from './columns.ts'

/** What the page says. */
export type ToWorker =
  | { readonly type: 'start'; readonly origin: string; readonly token: string; readonly chassis: string }
  | { readonly type: 'filter'; readonly text: string; readonly order: Order }
  /** The first rows are on the screen: others may come. */
  | { readonly type: 'painted' }
  /** The rows on the screen, and the one that is explained. */
  | { readonly type: 'look'; readonly first: number; readonly count: number; readonly open: number | undefined }

/** What the worker says. */
export type FromWorker =
  | { readonly type: 'connection'; readonly state: ConnectionState }
  | { readonly type: 'tables'; readonly tables: readonly TableView[] }
  | { readonly type: 'keys'; readonly keys: readonly (readonly [string, number, string, string])[] }
  | { readonly type: 'trouble'; readonly message: string }
  | {
      readonly type: 'view'
      /** Flows in all, those that came so far, and those that the filter lets through. */
      readonly total: number
      readonly loaded: number
      readonly shown: number
      /** Milliseconds that filtering took. */
      readonly took: number
      readonly first: number
      readonly rows: readonly Row[]
      readonly open: Row | undefined
      /** Seconds between readings of counters. */
      readonly every: number
      /** Filter and order that this answers. */
      readonly text: string
      readonly order: Order
    }

/** Re-exported for those who show rows. */
export type { FeedResource, Order, Row }
