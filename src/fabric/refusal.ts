// Why a listener turned a connection away, for the log.

/** In words: OpenSSL has these beside a line of its internals. */
export const refusalOf = (error: Error): string => {
  const { reason } = error as { readonly reason?: unknown }
  return typeof reason === 'string' ? `it speaks no TLS that we take: ${reason}` : error.message
}
