// The built console below /console/: files that need no token, since what they show does.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import files from '@fastify/static'
import type { FastifyInstance } from 'fastify'

/** Its pages may load nothing from elsewhere, and be framed by nobody. */
const POLICY = [
  "default-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ')

const headers = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
}

/** Serves the console from a directory; when it was not built there, a page says how to. */
export function serveConsole(app: FastifyInstance, directory: string): void {
  if (!existsSync(join(directory, 'index.html'))) {
    app.get('/console/', (_request, reply) =>
      reply.type('text/html').send('<p>The console is not built: run <code>scripts/setup</code>, then start again.'),
    )
    return
  }
  app.register(files, {
    root: directory,
    prefix: '/console/',
    index: false,
    preCompressed: true,
    cacheControl: false,
    setHeaders: (reply, path) => {
      for (const [name, value] of Object.entries(headers)) reply.header(name, value)
      // Names of assets tell their content; the page that names them must be asked for anew.
      const isNamedByContent = path.includes('/assets/')
      reply.header('cache-control', isNamedByContent ? 'public, max-age=31536000, immutable' : 'no-cache')
    },
  })
  app.get('/console/', (_request, reply) => reply.sendFile('index.html'))
}
