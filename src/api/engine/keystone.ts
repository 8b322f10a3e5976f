// Asks a Keystone v3 whose a token is. A token may validate itself, so no service account is needed. Answers are kept
// for a while, under a digest of the token.
import { createHash } from 'node:crypto'
import { type Authenticate, type Identity, Unauthorized } from './context.ts'
import { Unreachable } from './errors.ts'

/** What validating tokens needs from outside. */
export interface KeystoneOptions {
  /** Base URL, with or without /v3. */
  readonly url: string
  readonly fetch?: typeof fetch
  /** Milliseconds since the epoch. */
  readonly clock?: () => number
  /** How long an answer is believed, in milliseconds. Default 60 s. */
  readonly ttl?: number
}

/** The most tokens that are remembered. */
const MAX_REMEMBERED = 10_000
/** Milliseconds until Keystone is taken to be out of reach. */
const PATIENCE = 10_000

interface Token {
  readonly token: {
    readonly expires_at: string
    readonly project?: { readonly id: string }
    readonly user?: { readonly id: string }
    readonly roles?: readonly { readonly name: string }[]
  }
}

/** Authenticates by X-Auth-Token. */
export function keystone(options: KeystoneOptions): Authenticate {
  const { fetch: ask = fetch, clock = Date.now, ttl = 60_000 } = options
  const base = options.url.replace(/\/+$/, '').replace(/\/v3$/, '')
  const challenge = `Keystone uri="${base}"`
  const known = new Map<string, { readonly until: number; readonly identity: Promise<Identity> }>()

  const validate = async (token: string, remember: (until: number) => void): Promise<Identity> => {
    const reply = await ask(`${base}/v3/auth/tokens`, {
      headers: { 'x-auth-token': token, 'x-subject-token': token },
      signal: AbortSignal.timeout(PATIENCE),
    }).catch((error: Error) => {
      throw new Unreachable(`Keystone at ${base} does not answer: ${error.message}`)
    })
    if (reply.status === 401 || reply.status === 404 || reply.status === 400) throw new Unauthorized(challenge)
    if (!reply.ok) throw new Unreachable(`Keystone at ${base} answers ${reply.status}`)
    const { token: found } = (await reply.json()) as Token
    remember(Date.parse(found.expires_at))
    const roles = (found.roles ?? []).map(role => role.name)
    return {
      projectId: found.project?.id ?? '',
      userId: found.user?.id ?? '',
      roles,
      isAdmin: roles.includes('admin'),
    }
  }

  return async headers => {
    const token = headers['x-auth-token']
    if (typeof token !== 'string' || token === '') throw new Unauthorized(challenge)
    const digest = createHash('sha256').update(token).digest('base64')
    const now = clock()
    const old = known.get(digest)
    if (old && old.until > now) return old.identity
    const remember = (expires: number) => known.set(digest, { until: Math.min(expires, now + ttl), identity })
    const identity = validate(token, remember)
    // requests that come meanwhile wait for the same answer
    known.set(digest, { until: now + PATIENCE, identity })
    if (known.size > MAX_REMEMBERED) known.delete(known.keys().next().value!)
    return identity.catch(error => {
      known.delete(digest)
      throw error
    })
  }
}
