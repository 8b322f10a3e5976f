// Who asks: the project and the rights of a request. With `--auth none` everybody is the administrator.
import type { IncomingHttpHeaders } from 'node:http'

/** Whose request it is. */
export interface Identity {
  /** The project that new resources belong to unless an administrator says otherwise; '' without authentication. */
  readonly projectId: string
  readonly userId: string
  readonly roles: readonly string[]
  readonly isAdmin: boolean
}

/** A request's identity and id. */
export interface Context extends Identity {
  /** `req-<uuid>`, as in the reply's X-Openstack-Request-Id. */
  readonly requestId: string
}

/** Tells who asks, from the request's headers; rejects with Unauthorized. */
export type Authenticate = (headers: IncomingHttpHeaders) => Promise<Identity>

/** Nobody is asked for a token, and everybody may do everything. */
export const everybody: Identity = { projectId: '', userId: '', roles: ['admin'], isAdmin: true }

/** No valid token came with a request: 401. */
export class Unauthorized extends Error {
  override name = 'Unauthorized'
  /** What the WWW-Authenticate header says. */
  readonly challenge: string
  constructor(challenge: string) {
    super('The request you have made requires authentication.')
    this.challenge = challenge
  }
}
