// The other process of bench/fabric.ts: simulated chassis, so that the memory and time measured there are the
// controller's alone. Argument: the OpenFlow port of the controller, how many chassis.
import { SimulatedSwitch } from '#test/support/simulated-chassis'

const [port, count] = process.argv.slice(2).map(Number)
const chassis = Array.from({ length: count! }, (_, i) =>
  (['br-int', 'br-tun'] as const).map(bridge => new SimulatedSwitch(i + 1, bridge, port!)),
)

// Each question is answered with what every chassis has seen since it connected, both bridges together.
process.on('message', () => {
  const sum = (key: 'bytes' | 'flowMods' | 'bundles') =>
    chassis.map(bridges => bridges.reduce((total, bridge) => total + bridge.seen[key], 0))
  const flows = chassis.map(bridges => bridges.reduce((total, bridge) => total + bridge.flows.size, 0))
  process.send!({ bytes: sum('bytes'), flowMods: sum('flowMods'), bundles: sum('bundles'), flows })
})
process.on('disconnect', () => process.exit())
