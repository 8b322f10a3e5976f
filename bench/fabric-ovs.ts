// The truth beside the thousand simulated chassis: 50 real ovs-vswitchd on the dummy datapath hold the same kind of model.
// `node --conditions=source bench/fabric-ovs.ts [chassis] [ports]`
import { datapathId } from '#fabric/datapath-id'
import { type Ovs, startOvs } from '#test/support/ovs'
import { makeModel, quantile, reached, show, startProgramming, timePorts } from './fabric/model.ts'

const [chassisCount = 50, portCount = 1000] = process.argv.slice(2).map(Number)
const seconds = (since: number) => `${((performance.now() - since) / 1000).toFixed(2)} s`

const model = makeModel(chassisCount, portCount)
const { chassis, compiler, members } = model
const chassisWithKey = (key: number) => chassis[key - 1]?.id
let controller = await startProgramming(compiler, chassisWithKey)
const hosts: Ovs[] = []
try {
  let started = performance.now()
  for (const _ of chassis) hosts.push(await startOvs())
  show(`${chassisCount} Open vSwitches started`, seconds(started))

  started = performance.now()
  await Promise.all(
    hosts.map((ovs, i) =>
      ovs.vsctlNoWait(
        ...(['br-int', 'br-tun'] as const).flatMap(bridge => [
          ...['--', 'add-br', bridge, '--', 'set', 'bridge', bridge, 'fail_mode=secure', 'protocols=OpenFlow15'],
          ...[`other-config:datapath-id=${datapathId(i + 1, bridge)}`],
          ...['--', 'set-controller', bridge, `tcp:127.0.0.1:${controller.port}`],
          ...['--', 'set', 'controller', bridge, 'max_backoff=1000', 'connection_mode=out-of-band'],
        ]),
      ),
    ),
  )
  await reached(controller.programming, chassis, ['verifying', 'in_sync'])
  show('bridges made, all filled', `${seconds(started)}, ${controller.programming.counters.flowMods} flow_mods`)

  await timePorts(model, controller.programming, 5)
  const times = await timePorts(model, controller.programming, 50)
  const [p50, p99] = [quantile(times, 0.5).toFixed(1), quantile(times, 0.99).toFixed(1)]
  show(`a port added to a network on ${members.size} chassis, acknowledged by all, p50, p99`, `${p50}, ${p99} ms`)

  const { port } = controller
  await controller.end()
  started = performance.now()
  controller = await startProgramming(compiler, chassisWithKey, port)
  await reached(controller.programming, chassis, ['verifying', 'in_sync'])
  show('controller restarted with nothing changed, all in sync by stamp', seconds(started))
  await reached(controller.programming, chassis, ['in_sync'])
  const { flowMods, flowsRead } = controller.programming.counters
  show('audited', `${seconds(started)}, ${flowsRead} flows read, ${flowMods} flow_mods sent`)
} finally {
  await controller.end()
  await Promise.all(hosts.map(ovs => ovs.stop()))
}
