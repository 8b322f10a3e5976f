// Calls to a running controller's API, for the commands that look at it and steer it.
import { type Command, Option } from 'commander'

/** What a command prints when it cannot do its job: a message for the operator, and exit status 1. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
}

/** The controller's API. */
export interface ControllerApi {
  /** One request under `/flowright/v1`; the answer's JSON, undefined when it is empty. Rejects with CommandError. */
  call<T>(method: 'GET' | 'PUT' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<T>
}

/** What these options say. */
export interface ApiOptions {
  readonly api: string
  readonly token?: string
  readonly json?: boolean
}

/** Declares the options that say which controller to ask. */
export function addApiOptions(command: Command): Command {
  return command
    .addOption(new Option('--api <url>', "the controller's API").env('FLOWRIGHT_API').default('http://127.0.0.1:9696'))
    .addOption(new Option('--token <token>', 'a Keystone token, where the API asks for one').env('OS_TOKEN'))
    .option('--json', 'print JSON')
}

/** The API that the options of a command with `addApiOptions` name. */
export function controllerApi(options: Pick<ApiOptions, 'api' | 'token'>): ControllerApi {
  const base = options.api.includes('://') ? options.api : `http://${options.api}`
  return {
    async call<T>(method: string, path: string, body?: unknown): Promise<T> {
      const headers: Record<string, string> = { accept: 'application/json' }
      if (body !== undefined) headers['content-type'] = 'application/json'
      if (options.token) headers['x-auth-token'] = options.token
      const answer = await fetch(`${base.replace(/\/+$/, '')}/flowright/v1${path}`, {
        method,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }).catch(error => {
        throw new CommandError(
          `no controller at ${base}: ${reason(error)}; is it running? (--api URL or FLOWRIGHT_API says where)`,
        )
      })
      const text = await answer.text()
      if (!answer.ok)
        throw new CommandError(complaint(text) ?? `${method} ${path}: ${answer.status} ${answer.statusText}`)
      return (text === '' ? undefined : parse(text, base)) as T
    },
  }
}

/** A part of a path, made safe. */
export function segment(text: string): string {
  return encodeURIComponent(text)
}

function parse(text: string, base: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new CommandError(`what answers at ${base} is no Flowright controller`)
  }
}

/** The message in an error body of Neutron's shape. */
function complaint(text: string): string | undefined {
  try {
    const message = JSON.parse(text)?.NeutronError?.message
    return typeof message === 'string' ? message : undefined
  } catch {
    return undefined
  }
}

function reason(error: unknown): string {
  const { cause, message } = error as Error & { cause?: { code?: string; message?: string } }
  return cause?.code ?? cause?.message ?? message
}
