/** A certificate authority and certificates for the tests, made by openssl. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sh } from './daemons.ts'

/** PEM files of one party, and their contents for TlsOptions. */
export interface Certificate {
  readonly files: { readonly ca: string; readonly cert: string; readonly key: string }
  readonly tls: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer }
}

/** Makes an authority in a directory, and gives what makes certificates with it. */
export async function authority(dir: string, name = 'ca'): Promise<(commonName: string) => Promise<Certificate>> {
  const ca = join(dir, `${name}.pem`)
  const caKey = join(dir, `${name}.key`)
  const newKey = ['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  await sh('openssl', ...newKey, '-x509', '-days', '2', '-subj', `/CN=${name}`, '-keyout', caKey, '-out', ca)
  return async commonName => {
    const base = join(dir, `${name}-${commonName}`)
    const [cert, key, request] = [`${base}.pem`, `${base}.key`, `${base}.csr`]
    await sh('openssl', ...newKey, '-subj', `/O=ovs/CN=${commonName}`, '-keyout', key, '-out', request)
    await sh(
      'openssl',
      'x509',
      '-req',
      '-days',
      '2',
      '-in',
      request,
      '-CA',
      ca,
      '-CAkey',
      caKey,
      '-CAcreateserial',
      '-out',
      cert,
    )
    return {
      files: { ca, cert, key },
      tls: { ca: readFileSync(ca), cert: readFileSync(cert), key: readFileSync(key) },
    }
  }
}
