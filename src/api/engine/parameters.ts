// The query parameters of Flowright's own routes. A route declares those that it takes, in its `config`; another one, a value
// that is none of those there are, or a second value where one is taken is refused: it would be passed over in silence.
import type { FastifyRequest } from 'fastify'
import { type Refusal, refuse } from '#model'
import { nearest } from './nearest.ts'
import { invalid, quote } from './read.ts'

/** The parameters that a route takes: one value of each, or several. */
export type Parameters = Readonly<Record<string, 'one' | 'several'>>

declare module 'fastify' {
  interface FastifyContextConfig {
    /** None where nothing is said. */
    parameters?: Parameters
  }
}

/** A hook of the routes that declare their parameters. Refuses with HTTPBadRequest. */
export async function requireDeclared(request: FastifyRequest): Promise<void> {
  const { config, url = '' } = request.routeOptions
  const declared = config.parameters ?? {}
  for (const [name, value] of Object.entries(request.query as object)) {
    if (!Object.hasOwn(declared, name))
      throw refuse('HTTPBadRequest', { message: unknown(name, Object.keys(declared), url) })
    if (declared[name] === 'one' && typeof value !== 'string') throw invalid(name, 'it is given more than once')
  }
}

const unknown = (name: string, declared: readonly string[], path: string): string => {
  const others = declared.length === 0 ? 'it takes none' : `it takes ${declared.join(', ')}`
  return `'${quote(name)}'${meant(name, declared)} is no parameter of ${path}: ${others}.`
}

/** What refuses a value that is none of those there are, with the one that it may have been meant to be. */
export const notIn = (name: string, value: unknown, choices: readonly string[]): Refusal =>
  invalid(name, `'${quote(value)}'${meant(String(value), choices)} is not in ['${choices.join("', '")}']`)

/** What somebody may have meant, beside what was said: first, as the choices may be many. */
const meant = (word: string, names: readonly string[]): string => {
  const near = nearest(word, names)
  return near === undefined ? '' : ` (the nearest is '${near}')`
}
