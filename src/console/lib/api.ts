// REST calls. A refusal becomes an ApiError that says what Neutron said.

/** A call that was refused. */
export class ApiError extends Error {
  override name = 'ApiError'
  readonly status: number
  /** Neutron's name for the error, e.g. IpAddressInUse. */
  readonly type: string
  constructor(status: number, type: string, message: string) {
    super(message)
    this.status = status
    this.type = type
  }
}

const TOKEN = 'flowright-token'

/** The Keystone token of this tab; '' without one. */
export const token = (): string => sessionStorage.getItem(TOKEN) ?? ''

/** Keeps a token for this tab. */
export const setToken = (value: string): void => sessionStorage.setItem(TOKEN, value)

/** Calls the API: resolves with the JSON of the answer. Rejects with ApiError, or TypeError when nobody answers. */
export const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
  const response = await fetch(path, {
    method,
    headers: {
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token() === '' ? {} : { 'x-auth-token': token() }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (response.ok) return (text === '' ? undefined : JSON.parse(text)) as T
  let error: { readonly type?: string; readonly message?: string } = {}
  try {
    const parsed = JSON.parse(text)
    error = parsed.NeutronError ?? parsed.error ?? {}
  } catch {
    // Not JSON: the status alone must do.
  }
  throw new ApiError(response.status, error.type ?? '', error.message ?? (text.slice(0, 200) || response.statusText))
}
