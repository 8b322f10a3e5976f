// What is noted of the neighbour whose address somebody asks for, or that a routed packet goes to next.
import type { Action } from 'node-openflow/flow'
import { macBits } from './addresses.ts'
import { setAll } from './register.ts'
import { found, foundRouter, neighborMac } from './registers.ts'

const foundPort = setAll([found, 1], [foundRouter, 0])
const foundInterface = setAll([found, 1], [foundRouter, 1])

/** Notes that an address is known, and its MAC. */
export const foundNeighbor = (mac: string, isRouter: boolean): readonly Action[] => [
  isRouter ? foundInterface : foundPort,
  neighborMac.set(macBits(mac)),
]

/** Notes that an address is not known yet. */
export const nothingFound: Action = setAll([found, 0], [foundRouter, 0])
