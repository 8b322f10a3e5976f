// The text of ovs-ofctl: flows, matches, actions, groups and meters, printed and parsed.

export { parseActions, printAction, printActions } from './actions.ts'
export {
  type PrintOptions,
  parseFlow,
  parseFlowMod,
  printFlow,
  printFlowMod,
} from './flow.ts'
export {
  type GroupPrintOptions,
  parseGroup,
  parseGroupMod,
  printGroup,
  printGroupMod,
} from './group.ts'
export { parseMatch, printMatch } from './match.ts'
export { parseMeter, parseMeterMod, printMeter } from './meter.ts'
export type { Names } from './names.ts'
