import { connect, createServer, type Socket } from 'node:net'
import { output } from 'node-openflow/flow'
import { expect, test } from 'vitest'
import { datapathId } from '#fabric/datapath-id'
import { listenForSwitches, Programming } from '#fabric/programming/index'
import { entryOf, HandCompiled } from '#test/support/hand-compiled'
import { describeOvs, startOvs, until } from '#test/support/ovs'

/** Passes bytes on between a switch and the controller, and cuts the line after so many bytes to the switch. */
const cutter = async (controllerPort: number) => {
  let budget = Number.POSITIVE_INFINITY
  const sockets = new Set<Socket>()
  const server = createServer(fromSwitch => {
    const toController = connect({ port: controllerPort, host: '127.0.0.1' })
    for (const socket of [fromSwitch, toController]) sockets.add(socket.on('error', () => {}))
    const cut = () => {
      fromSwitch.destroy()
      toController.destroy()
    }
    fromSwitch.on('data', data => toController.write(data)).on('close', cut)
    toController.on('close', cut).on('data', (data: Buffer) => {
      const passed = data.subarray(0, budget)
      budget -= data.length
      fromSwitch.write(passed, () => budget < 0 && cut())
      if (budget < 0) toController.pause()
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as { port: number }).port,
    /** Cuts once, after this many bytes more; what is connected later passes. */
    cutAfter: async (bytes: number) => {
      budget = bytes
      await until('the cut', () => budget < 0, 20_000)
      await new Promise(resolve => setTimeout(resolve, 50))
      budget = Number.POSITIVE_INFINITY
    },
    close: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

describeOvs('a connection cut in the middle of a bundle', () => {
  test('leaves a real switch as it was or as it should be, and it is made what it should be', async () => {
    const flows = (count: number, port: number) =>
      Array.from({ length: count }, (_, i) =>
        entryOf({ bridge: 'br-int', table: 10, priority: 1, match: { metadata: BigInt(i) }, actions: [output(port)] }),
      )
    const compiled = new HandCompiled()
    compiled.set('network/1', flows(50, 1))
    compiled.subscribe('host1', 'network/1')
    const programming = new Programming({ compiled, auditDelay: 0 })
    const server = await listenForSwitches({ address: { port: 0 }, programming, chassisWithKey: () => 'host1' })
    const line = await cutter(server.address!.port)
    const ovs = await startOvs()
    const state = () => programming.status('host1')?.bridges['br-int'].state
    const held = async () => (await ovs.ofctl('dump-flows', '--no-stats', 'br-int', 'table=10')).split('\n')
    try {
      await ovs.vsctl(
        ...['add-br', 'br-int', '--', 'set', 'bridge', 'br-int', 'fail_mode=secure', 'protocols=OpenFlow15'],
        ...[`other-config:datapath-id=${datapathId(1, 'br-int')}`],
        ...['--', 'set-controller', 'br-int', `tcp:127.0.0.1:${line.port}`],
        ...['--', 'set', 'controller', 'br-int', 'max_backoff=1000', 'connection_mode=out-of-band'],
      )
      await until('in sync', () => state() === 'in_sync')
      // Each change rewrites 100 flows, some 10 kB: cut in the opening, in the flows, and before the commit is whole.
      for (const [n, bytes] of [5, 4000, 10_395].entries()) {
        const cut = line.cutAfter(bytes)
        programming.apply(compiled.set('network/1', flows(100, 2 + n)))
        await cut
        await until('in sync again', () => state() === 'in_sync')
        const now = await held()
        expect(now.length).toBe(100)
        expect(now.every(text => text.endsWith(`output:${2 + n}`))).toBe(true)
        expect(await programming.diff('host1', 'br-int')).toEqual({ missing: [], changed: [], strays: [] })
      }
      expect(programming.drift('host1')).toEqual([])
    } finally {
      programming.close()
      await server.close()
      line.close()
      await ovs.stop()
    }
  })
})
