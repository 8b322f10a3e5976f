// A controller and a chassis that know each other by certificates: a new chassis waits for approval, then is programmed.
import { execFileSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeOvs, type Ovs, startOvs, until } from '#test/support/ovs'
import { type Running, startController } from './running.ts'

describeOvs('over TLS', () => {
  const dir = mkdtempSync(join(tmpdir(), 'flowright-tls-'))
  const file = (name: string) => join(dir, name)
  let ovs: Ovs
  let controller: Running

  const flowright = async (...args: string[]) => (await controller.flowright(...args)).out
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'ignore' })

  /** A key and a certificate for a name, signed by our CA; the CA signs itself. */
  const certify = (name: string) => {
    const signed = name === 'ca' ? [] : ['-CA', file('ca.pem'), '-CAkey', file('ca.key')]
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file(`${name}.key`)]
    openssl('req', '-x509', ...key, ...signed, '-subj', `/CN=${name}`, '-days', '2', '-out', file(`${name}.pem`))
  }

  beforeAll(async () => {
    for (const name of ['ca', 'controller', 'host1']) certify(name)
    const keys = ['--ca', file('ca.pem'), '--cert', file('controller.pem'), '--key', file('controller.key')]
    const listeners = ['--ovsdb', 'pssl:0:127.0.0.1', '--openflow', 'pssl:0:127.0.0.1']
    controller = await startController('--data', file('data'), ...listeners, ...keys)
    ovs = await startOvs({ systemId: 'host1', externalIds: { 'flowright-tunnel-ip': '192.0.2.21' } })
    await ovs.vsctl('set-ssl', file('host1.key'), file('host1.pem'), file('ca.pem'))
    await ovs.vsctl('set-manager', `ssl:127.0.0.1:${controller.ovsdb[0]}`)
  })

  afterAll(async () => {
    await ovs?.stop()
    await controller?.stop()
  })

  test('a new chassis waits, gets nothing, and is programmed once approved', async () => {
    await until('it waits', async () => /waits for approval/.test(await flowright('chassis')))
    expect(await ovs.vsctl('list-br')).toBe('')
    expect(await flowright('chassis', 'approve', 'host1')).toBe('host1 is approved\n')
    await until('it is in sync', async () => /in sync/.test(await flowright('chassis')))
    expect(await ovs.vsctl('get-controller', 'br-int')).toMatch(/^ssl:127\.0\.0\.1:\d+$/)
  })
})
