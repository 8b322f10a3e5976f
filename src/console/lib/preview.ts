// What a change would do to flows, before it is made: the controller compiles it and takes it back.
import type { FeedChange } from '#api/feed-messages'
import { call } from './api.ts'

/** A request to the API that would change something. */
export interface ChangeRequest {
  readonly method: 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  readonly body?: unknown
}

/** What it would do. */
export interface Preview {
  readonly changes: readonly FeedChange[]
  /** Flows that come, go, and both, each once however many chassis hold it; `flows` may be the first of them. */
  readonly added: number
  readonly removed: number
  readonly total: number
  readonly chassis: readonly { readonly id: string; readonly added: number; readonly removed: number }[]
  readonly flows: readonly {
    readonly op: 'add' | 'remove'
    readonly bridge: string
    readonly table: string
    readonly cookie: string
    readonly text: string
    readonly chassis: readonly string[]
  }[]
}

/** Asks what a request would do. Rejects with what the request itself would be refused for. */
export const previewOf = async ({ method, path, body }: ChangeRequest): Promise<Preview> => {
  const asked = { method, path, ...(body === undefined ? {} : { body }), limit: 200 }
  return (await call<{ preview: Preview }>('POST', '/flowright/v1/preview', asked)).preview
}
