// The text of ovs-ofctl: flows, matches, actions, groups and meters, printed and parsed.

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
export { parseMeter, parseMeterMod, printMeter } from './meter.ts'
export type { Names } from './names.ts'
export { parseActions } from './parse-actions.ts'
export { parseMatch } from './parse-match.ts'
export { printAction, printActions } from './print-actions.ts'
export { printMatch } from './print-match.ts'
