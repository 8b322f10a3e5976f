import { describe, expect, test } from 'vitest'
import { Pending } from '../../src/node-openflow/connection/pending.ts'

describe('xids', () => {
  const waiter = { what: 'x', answer: () => true, fail: () => {} }

  test('go round below the permanent ones, pass over 0 and over those that wait', () => {
    const pending = new Pending()
    expect([pending.nextXid(), pending.nextXid()]).toEqual([1, 2])
    pending.add(1, waiter, 0)
    pending.startAfter(0x7fff_fffe)
    expect([pending.nextXid(), pending.nextXid(), pending.nextXid()]).toEqual([0x7fff_ffff, 2, 3])
  })
})
