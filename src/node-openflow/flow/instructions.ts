// Instructions (OpenFlow 1.5.1 section 7.2.4) as members of one list of actions: what is applied, and what comes after.

import { EncodeError, type Reader, type Writer, within } from '../wire/index.ts'
import { type Action, readActions, writeAction, writeActions } from './actions.ts'
import { OFP15, type Version } from './field.ts'

const GOTO_TABLE = 1
const WRITE_METADATA = 2
const WRITE_ACTIONS = 3
const APPLY_ACTIONS = 4
const CLEAR_ACTIONS = 5
const METER = 6
const WHOLE = 0xffffffffffffffffn

/** Reads instructions up to the end of the window, in the order in which they stand there. */
export function readInstructions(r: Reader, version: Version): Action[] {
  let actions: Action[] = []
  let isApplied = false
  while (r.at < r.end) {
    const at = r.at
    const type = r.u16()
    const length = r.u16()
    if (length < 8 || (length & 7) !== 0) r.fail('bad-length', `an instruction of ${length} bytes`, at - r.origin)
    const body = r.sub(length - 4)
    if (type === APPLY_ACTIONS) {
      if (isApplied) r.fail('duplicate', 'two lists of actions to apply, one after the other', at - r.origin)
      body.skip(4)
      const applied = readActions(body, version)
      actions = actions.length === 0 ? applied : [...actions, ...applied]
    } else actions.push(readOther(r, body, type, at, length, version))
    isApplied = type === APPLY_ACTIONS
  }
  return actions
}

function readOther(r: Reader, body: Reader, type: number, at: number, length: number, version: Version): Action {
  const exactly = (size: number) => {
    if (length !== size) r.fail('bad-length', `an instruction of type ${type} with ${length} bytes`, at - r.origin)
  }
  if (type === GOTO_TABLE) {
    exactly(8)
    return { type: 'goto_table', table: body.u8() }
  }
  if (type === WRITE_METADATA) {
    exactly(24)
    body.skip(4)
    const metadata = body.u64()
    const mask = body.u64()
    return mask === WHOLE ? { type: 'write_metadata', metadata } : { type: 'write_metadata', metadata, mask }
  }
  if (type === WRITE_ACTIONS) {
    body.skip(4)
    return { type: 'write_actions', actions: readActions(body, version) }
  }
  if (type === CLEAR_ACTIONS) {
    exactly(8)
    return { type: 'clear_actions' }
  }
  if (type === METER && version < OFP15) {
    exactly(8)
    return { type: 'meter', meter: body.u32() }
  }
  return { type: 'raw_instruction', bytes: r.data.slice(at, at + length) }
}

/** Whether an action stands on its own on the wire, and not among those that are applied. */
function isInstruction(action: Action, version: Version): boolean {
  const { type } = action
  if (type === 'meter') return version < OFP15
  return (
    type === 'goto_table' ||
    type === 'write_metadata' ||
    type === 'write_actions' ||
    type === 'clear_actions' ||
    type === 'raw_instruction'
  )
}

/** Writes a list of actions as instructions. */
export function writeInstructions(w: Writer, actions: readonly Action[], version: Version): void {
  const count = actions.length
  for (let i = 0; i < count; ) {
    try {
      if (isInstruction(actions[i] as Action, version)) writeInstruction(w, actions[i++] as Action, version)
      else {
        const start = w.length
        w.u16(APPLY_ACTIONS)
        w.u16(0)
        w.u32(0)
        for (; i < count && !isInstruction(actions[i] as Action, version); i++) {
          writeAction(w, actions[i] as Action, version)
        }
        w.patchU16(start + 2, w.length - start)
      }
    } catch (error) {
      throw within(`[${i}]`, error)
    }
  }
}

function writeInstruction(w: Writer, action: Action, version: Version): void {
  if (action.type === 'goto_table') {
    w.u16(GOTO_TABLE)
    w.u16(8)
    w.u8(action.table)
    w.zeros(3)
  } else if (action.type === 'write_metadata') {
    w.u16(WRITE_METADATA)
    w.u16(24)
    w.zeros(4)
    w.u64(action.metadata)
    w.u64(action.mask ?? WHOLE)
  } else if (action.type === 'write_actions') {
    const start = w.length
    w.u16(WRITE_ACTIONS)
    w.u16(0)
    w.zeros(4)
    w.enter(() => writeActions(w, action.actions, version))
    w.patchU16(start + 2, w.length - start)
  } else if (action.type === 'clear_actions') {
    w.u16(CLEAR_ACTIONS)
    w.u16(8)
    w.zeros(4)
  } else if (action.type === 'meter') {
    w.u16(METER)
    w.u16(8)
    w.u32(action.meter)
  } else if (action.type === 'raw_instruction') w.bytes(action.bytes)
  else throw new EncodeError('bad-type', 'type', `${action.type} is no instruction`)
}
