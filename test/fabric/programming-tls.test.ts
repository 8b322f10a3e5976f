import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { datapathId } from '#fabric/datapath-id'
import { listenForSwitches, Programming } from '#fabric/programming/index'
import { authority } from '#test/ovsdb/certificates'
import { HandCompiled } from '#test/support/hand-compiled'
import { describeOvs, startOvs, until } from '#test/support/ovs'

describeOvs('switches over TLS', () => {
  test('are taken for a chassis only with its certificate', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'fr-tls-'))
    const issue = await authority(dir)
    const [ours, host1] = [await issue('controller'), await issue('host1')]
    const programming = new Programming({ compiled: new HandCompiled(), auditDelay: 0 })
    const reports: string[] = []
    const server = await listenForSwitches({
      address: { port: 0, tls: ours.tls },
      programming,
      chassisWithKey: key => `host${key}`,
      isCertificateOf: (names, chassis) => names.includes(chassis),
      report: what => reports.push(what),
    })
    const ovs = await startOvs()
    try {
      const { ca, cert, key } = host1.files
      await ovs.vsctl('set-ssl', key, cert, ca)
      const bridge = (name: string, chassisKey: number) =>
        ovs.vsctl(
          ...['add-br', name, '--', 'set', 'bridge', name, 'fail_mode=secure', 'protocols=OpenFlow15'],
          ...[`other-config:datapath-id=${datapathId(chassisKey, 'br-int')}`],
          ...['--', 'set-controller', name, `ssl:127.0.0.1:${server.address!.port}`],
        )
      await bridge('br-int', 1)
      await bridge('br-other', 2)
      await until('host1 in sync', () => programming.status('host1')?.bridges['br-int'].state === 'in_sync')
      await until('the refusal', () => reports.some(what => what.includes('the certificate is not')))
      expect(programming.chassis).toEqual(['host1'])
    } finally {
      programming.close()
      await server.close()
      await ovs.stop()
      rmSync(dir, { recursive: true })
    }
  })
})
