// A switch that is refused dials again and again: the log tells it once, and what is new about it.
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { datapathId } from '#fabric/datapath-id'
import { listenForSwitches, Programming } from '#fabric/programming/index'
import { HandCompiled } from '#test/support/hand-compiled'
import { until } from '#test/support/ovs'

const MINUTE = 60_000

let now = 0
let known: Set<number>
let reports: string[]
let programming: Programming
let server: Awaited<ReturnType<typeof listenForSwitches>>

beforeEach(async () => {
  now = 1e12
  known = new Set()
  reports = []
  programming = new Programming({ compiled: new HandCompiled(), auditDelay: 0 })
  server = await listenForSwitches({
    ...{ address: { port: 0 }, programming, report: what => reports.push(what), clock: () => now },
    chassisWithKey: key => (known.has(key) ? `host${key}` : undefined),
    isCertificateOf: (_names, chassis) => chassis !== 'host7',
  })
})
afterEach(async () => {
  programming.close()
  await server.close()
})

/** Dials in as a switch up to its features (OpenFlow 1.5, 7.3.1). */
const dial = (id: string) => {
  const socket = connect(server.address!.port!, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(Buffer.from('0600000800000001', 'hex'))
  socket.on('data', data => {
    for (let at = 0; at + 8 <= data.length; at += data.readUInt16BE(at + 2)) {
      if (data[at + 1] !== 5) continue
      const xid = data.subarray(at + 4, at + 8).toString('hex')
      socket.write(Buffer.from(`06060020${xid}${id}00000000fe000000${'0'.repeat(16)}`, 'hex'))
    }
  })
  return socket
}

const refused = async (id: string) => {
  const socket = dial(id)
  await once(socket, 'close')
}

const [ONE, SEVEN] = [datapathId(1, 'br-int'), datapathId(7, 'br-int')]

test('it is logged once, however often it dials, each bridge by itself', async () => {
  for (let minute = 0; minute < 90; minute++, now += MINUTE) await refused(ONE)
  expect(reports).toEqual([expect.stringContaining(`${ONE} is no bridge of a chassis that is known`)])
  await refused(datapathId(1, 'br-tun'))
  expect(reports).toHaveLength(2)
})

test('another reason is logged, and the first one when it comes back', async () => {
  for (const isKnown of [false, true, true, false]) {
    if (isKnown) known.add(7)
    else known.delete(7)
    await refused(SEVEN)
  }
  const reasons = ['no bridge of a chassis', 'the certificate is not', 'no bridge of a chassis']
  expect(reports).toEqual(reasons.map(reason => expect.stringContaining(reason)))
})

test('it is logged again when it was away for an hour, or taken meanwhile', async () => {
  await refused(ONE)
  now += 59 * MINUTE
  await refused(ONE)
  expect(reports).toHaveLength(1)
  now += 60 * MINUTE
  await refused(ONE)
  expect(reports).toHaveLength(2)
  known.add(1)
  const socket = dial(ONE)
  await until('the switch to be taken', () => programming.chassis.includes('host1'))
  socket.destroy()
  known.delete(1)
  await refused(ONE)
  expect(reports).toHaveLength(3)
})
