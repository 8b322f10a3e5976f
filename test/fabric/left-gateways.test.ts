// What a chassis forgets when a gateway has left it.
import { expect, test } from 'vitest'
import { LeftGateways } from '#fabric/left-gateways'

test('a chassis that a gateway has left forgets its connections, again when it was away, and none that came back', () => {
  const connected = new Set(['a', 'b'])
  const forgotten: string[] = []
  const left = new LeftGateways({
    isConnected: id => connected.has(id),
    forget: (id, router) => forgotten.push(`${id} ${router}`),
  })
  const since = () => forgotten.splice(0)
  for (const id of connected) left.connectionChanged(id)
  left.moved({ router: 'r', chassis: 'a', before: undefined })
  expect(since()).toEqual([])
  left.moved({ router: 'r', chassis: 'b', before: 'a' })
  expect(since()).toEqual(['a r'])
  left.connectionChanged('a')
  expect(since()).toEqual([])
  connected.delete('a')
  left.connectionChanged('a')
  connected.add('a')
  left.connectionChanged('a')
  expect(since()).toEqual(['a r'])
  left.moved({ router: 'r', chassis: 'a', before: 'b' })
  expect(since()).toEqual(['b r'])
  connected.delete('a')
  left.connectionChanged('a')
  connected.add('a')
  left.connectionChanged('a')
  expect(since()).toEqual([])
})
