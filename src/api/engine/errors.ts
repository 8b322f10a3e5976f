// Errors as Neutron's clients expect them: `{"NeutronError": {"type", "message", "detail"}}` under the right status.
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { PoolExhausted, type Reason, Refusal } from '#model'
import { StoreUnavailable } from '#store'
import { Unauthorized } from './context.ts'

const statusOf: Readonly<Record<Reason, number>> = {
  malformed: 400,
  forbidden: 403,
  absent: 404,
  unacceptable: 406,
  conflict: 409,
  precondition: 412,
  unavailable: 503,
}

/** Something that a request needs does not answer: 503. */
export class Unreachable extends Error {
  override name = 'Unreachable'
}

/** Seconds after which a client may try again when the store takes no writes. */
const retryAfter = 5

/** What any client may read about a store that takes no writes; its own message names the data file, and is the operator's. */
export const publicWords = ({ code, message }: StoreUnavailable): string =>
  code === 'busy' ? message : 'The store cannot be written now. Try again later.'

const body = (type: string, message: string) => ({ NeutronError: { type, message, detail: '' } })

/** Answers with an error. */
export function answerError(error: Error, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (error instanceof Refusal) return reply.code(statusOf[error.reason]).send(body(error.name, error.message))
  if (error instanceof Unauthorized)
    return reply
      .code(401)
      .header('www-authenticate', error.challenge)
      .send({ error: { code: 401, title: 'Unauthorized', message: error.message } })
  if (error instanceof StoreUnavailable || error instanceof PoolExhausted || error instanceof Unreachable) {
    request.log.warn({ err: error }, 'refused for now')
    const message = error instanceof StoreUnavailable ? publicWords(error) : error.message
    return reply.code(503).header('retry-after', retryAfter).send(body('ServiceUnavailable', message))
  }
  const { statusCode, code } = error as FastifyError
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return reply.code(413).send(body('HTTPRequestEntityTooLarge', 'The request body is too large.'))
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return reply.code(statusCode).send(body('HTTPBadRequest', error.message))
  request.log.error({ err: error }, 'a request failed')
  return reply
    .code(500)
    .send(body('HTTPInternalServerError', 'Request Failed: internal server error while processing your request.'))
}

/** Answers 405 with the methods that there are. */
export const answerMethodNotAllowed =
  (allowed: readonly string[]) =>
  (_request: FastifyRequest, reply: FastifyReply): FastifyReply =>
    reply
      .code(405)
      .header('allow', allowed.join(', '))
      .send(body('HTTPMethodNotAllowed', 'The method is not allowed for this resource.'))
